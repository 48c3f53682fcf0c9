import { createHash } from 'node:crypto';
import type { ProgramRelease } from './loads.js';
import type { SysctlLoad } from './plan.js';
import { alpineScript, nothing, oldAlpineScript, voidScript } from './scripts.js';

/** How a script loads sysctl.d by a release of its sysctl. */
export type ScriptLoad = (release: ProgramRelease, sysctl: 'procps' | 'busybox') => SysctlLoad;

const system: ScriptLoad = (release, sysctl) =>
  sysctl === 'procps' ? release.load : nothing(release.program);

/** By the beginning of the SHA-256 of what a script does. */
const SCRIPTS: Record<string, ScriptLoad> = {
  // OpenRC: init.d/sysctl.in, from 0.22 and from 0.35 on.
  'openrc 69d1bfa8c8c5e79c': system,
  'openrc 23b0fe48d47f764f': system,
  // Alpine: aports, main/openrc/sysctl.initd; before it, 0003-sysctl-add-compatibility-for-busybox-sysctl.patch on OpenRC's.
  'openrc 17d6e519bf5b1940': ({ program }) => alpineScript(program),
  'openrc e1ff4344ca8f4134': ({ program }) => oldAlpineScript(program),
  // void-runit: core-services/08-sysctl.sh, since 2019.
  'void 794fb3982f5f7e83': ({ program }) => voidScript(program),
};

/** The lines of a script without comments, messages and what a service needs. */
function essence(text: string): string {
  return text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map(line => line.trim().replaceAll(/\s+/g, ' '))
    .filter(line => line !== '' && !line.startsWith('#'))
    .filter(
      line =>
        !/^(?:local|after|before|keyword|need|use|want|provide|v?e(?:begin|end|info|warn|error|indent|outdent)|msg)\b/.test(
          line,
        ),
    )
    .join('\n');
}

/** The way of loading of a script. Null if its text is none of those that were read. */
export function knownScript(text: string, loader: 'openrc' | 'void'): ScriptLoad | null {
  const digest = createHash('sha256').update(essence(text)).digest('hex').slice(0, 16);
  return SCRIPTS[`${loader} ${digest}`] ?? null;
}
