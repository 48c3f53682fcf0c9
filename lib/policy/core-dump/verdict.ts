import type { CoreProcessFacts } from '../../kernel/core-dump-facts.js';
import type { CoreSettings } from '../../kernel/core-settings.js';
import type { FileSite, ReceiverSite } from '../../kernel/core-site.js';
import type { HostFacts } from '../../kernel/host.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { Outcome } from '../access/verdict.js';

/** Each rule that can prevent a core. */
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

/** What one rule says of a core dump. */
export interface CoreStep {
  rule: CoreRuleId;
  outcome: Exclude<Outcome, 'allow'>;
  /** The reason, with the facts. */
  because: string;
  /** The file and function of the kernel. */
  reference: string;
}

/** All facts that the rules use. */
export interface CoreFacts {
  host: HostFacts;
  settings: CoreSettings;
  /** Null: no process has the pid. */
  target: ProcessFacts | null;
  process: CoreProcessFacts | null;
  /** The site of a core file, where the process itself writes it, and where its dumpable is 2. */
  sites: { user: FileSite | null; root: FileSite | null };
  /** The site of the program behind a pipe, or of the socket. */
  receiver: ReceiverSite | null;
}

/** Whether a crash leaves a core dump. */
export interface CoreVerdict {
  /** `allowed`: the core is written. */
  verdict: 'allowed' | 'denied' | 'unknown';
  /** The first rule that surely refuses; without a refusal the first unknown rule; otherwise the last rule. */
  decidedBy: CoreRuleId;
  /** In the kernel's order. */
  steps: CoreStep[];
  /** Modules and other checks that may refuse, but whose answer isn't visible. Empty where the verdict is `denied`. */
  undetectable: string[];
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
