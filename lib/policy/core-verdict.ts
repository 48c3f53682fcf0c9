import type { CoreProcessFacts } from '../kernel/core-dump-facts.js';
import type { CoreSettings } from '../kernel/core-settings.js';
import type { FileSite, ReceiverSite } from '../kernel/core-site.js';
import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { Outcome } from './verdict.js';

/** Each thing that can keep a process from leaving a core. */
export type CoreRuleId =
  | 'no-such-process'
  | 'kernel-thread'
  | 'zombie'
  | 'exiting'
  | 'no-support'
  | 'dumpable'
  | 'core-pattern'
  | 'core-limit'
  | 'safe-path'
  | 'directory'
  | 'existing-file'
  | 'file-size-limit'
  | 'helper'
  | 'socket';

export interface CoreStep {
  rule: CoreRuleId;
  outcome: Exclude<Outcome, 'allow'>;
  /** With the facts. */
  because: string;
  /** File and function of the kernel. */
  reference: string;
}

/** Everything that the rules look at. */
export interface CoreFacts {
  host: HostFacts;
  settings: CoreSettings;
  /** Null: no process has the pid. */
  target: ProcessFacts | null;
  process: CoreProcessFacts | null;
  /** Of a core file: where it would be written by the process itself, and by one whose dumpable is 2. */
  sites: { user: FileSite | null; root: FileSite | null };
  /** Of a pipe's program, or of a socket. */
  receiver: ReceiverSite | null;
}

export interface CoreVerdict {
  verdict: 'allowed' | 'denied' | 'unknown';
  /** Of a refusal the first rule that surely refuses, of an unknown verdict the first unknown, otherwise the last. */
  decidedBy: CoreRuleId;
  /** In the kernel's order. */
  steps: CoreStep[];
  /** What might refuse without showing from outside, and was taken not to. Of a refusal nothing. */
  unseen: string[];
}

export const CORE_REFERENCES: Record<CoreRuleId, string> = {
  'no-such-process': 'kernel/pid.c, find_get_task_by_vpid()',
  'kernel-thread': 'kernel/signal.c, ignore_signals()',
  zombie: 'kernel/exit.c, do_exit()',
  exiting: 'fs/coredump.c, zap_threads()',
  'no-support': 'fs/Kconfig.binfmt, COREDUMP',
  dumpable: 'fs/coredump.c, do_coredump(), since 6.17 coredump_skip()',
  'core-pattern': 'fs/coredump.c, format_corename(), since 6.17 coredump_parse()',
  'core-limit': 'fs/coredump.c, do_coredump(), since 6.17 coredump_file() and coredump_pipe()',
  'safe-path': 'fs/coredump.c, do_coredump(), since 6.17 coredump_file()',
  directory: 'fs/coredump.c, filp_open(); fs/namei.c, may_o_create()',
  'existing-file': 'fs/coredump.c, do_unlinkat(); fs/namei.c, may_delete()',
  'file-size-limit': 'fs/read_write.c, generic_write_check_limits()',
  helper: 'kernel/umh.c, call_usermodehelper_exec_async()',
  socket: 'net/unix/af_unix.c, unix_find_bsd()',
};
