import type { SysctlLoader } from '../sysctl/config.js';
import type { InitProgram } from './init.js';

/** What loads sysctl.d at boot, and the file that shows it. */
export type Loading = {
  because: string;
  /** The file and line of the reason; null if the reason is in no file. */
  file: string | null;
  line: number | null;
} & (
  | { state: 'loads'; loader: SysctlLoader }
  /** Only the kernel's own value and its command line count. */
  | { state: 'nothing-loads' }
  | { state: 'unknown' }
);

/** What loads sysctl.d at boot, by the init program of the tree. */
export type BootLoading = Loading & { init: InitProgram['kind'] };

type Origin = { file: string | null; line?: number | null };

export const loads = (loader: SysctlLoader, because: string, { file, line = null }: Origin): Loading => ({
  state: 'loads',
  loader,
  because,
  file,
  line,
});

export const nothingLoads = (because: string, { file, line = null }: Origin): Loading => ({
  state: 'nothing-loads',
  because,
  file,
  line,
});

export const unknownLoading = (because: string, { file, line = null }: Origin): Loading => ({
  state: 'unknown',
  because,
  file,
  line,
});
