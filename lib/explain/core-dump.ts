import { coreProcessFacts } from '../kernel/core-dump-facts.js';
import { coreSettings } from '../kernel/core-settings.js';
import { helperSite, siteOfInit, siteOfProcess, socketSite } from '../kernel/core-site.js';
import type { Dumpable } from '../kernel/dumpable.js';
import { observeProcesses } from '../kernel/host.js';
import { assertPid } from '../kernel/pid.js';
import { LOOKS } from '../kernel/proc-status.js';
import { factsOf } from '../kernel/read-process-facts.js';
import { coreRemedies } from '../policy/core-dump/changes.js';
import { checkCoreDump, templateOf } from '../policy/core-dump/core-dump.js';
import { type CoreTemplate, coreTemplate } from '../policy/core-dump/name.js';
import { type CoreDestination, coreDestination, coreNotes } from '../policy/core-dump/notes.js';
import type { CoreFacts, CoreVerdict } from '../policy/core-dump/verdict.js';
import type { Remedy } from '../policy/remedies/remedies.js';
import type { SurroundingsName } from '../policy/remedies/surroundings.js';
import { surroundings } from './surroundings.js';

/** Whether a process would leave a core, the receiver of the core, and the changes that would help. */
export interface CoreDumpExplanation extends CoreVerdict {
  pid: number;
  startTime: number | null;
  comm: string | null;
  mode: 'core';
  /** The same as the verdict. Without a crash the kernel can't be asked. */
  answer: CoreVerdict['verdict'];
  /** The receiver of the core, now or after a change. */
  destination: CoreDestination | null;
  /** Further reasons, besides the rules, for a missing or incomplete core. */
  notes: string[];
  surroundings: SurroundingsName | null;
  remedies: Remedy[];
  facts: CoreFacts;
}

type Places = Pick<CoreFacts, 'sites' | 'receiver'>;

const NOWHERE: Places = { sites: { user: null, root: null }, receiver: null };

/** Reads the facts about the places that the rules ask about. */
function placesOf(facts: CoreFacts): Places {
  const { target, process, settings } = facts;
  const template = templateOf(facts);
  if (target === null || process === null || template === null) return NOWHERE;
  if (template.kind === 'pipe') return { ...NOWHERE, receiver: helperSite(template.program) };
  if (template.kind === 'socket') return { ...NOWHERE, receiver: socketSite(template.path) };
  const pathFor = (dumpable: Dumpable): string | null => {
    const file: CoreTemplate = coreTemplate(settings, process, dumpable);
    return file.kind === 'file' && file.isDirectoryExact ? file.path : null;
  };
  const [asUser, asRoot] = [pathFor('user'), pathFor('root')];
  return {
    ...NOWHERE,
    sites: {
      user: asUser === null ? null : siteOfProcess(target.pid, asUser),
      root: asRoot?.startsWith('/') ? siteOfInit(asRoot) : null,
    },
  };
}

function look(pid: number): CoreFacts {
  const { host, processes } = observeProcesses([pid], () => false, false);
  const target = processes.find(facts => facts.pid === pid) ?? null;
  const process = target === null ? null : coreProcessFacts(target);
  const facts = { host, settings: coreSettings(), target, process, ...NOWHERE };
  return { ...facts, ...placesOf(facts) };
}

/** The facts are read in several steps, and the pid may be reused between them. Then the process is read again. */
function lookAtOne(pid: number): CoreFacts {
  for (let times = 1; ; times++) {
    const facts = look(pid);
    if (facts.target === null || times === LOOKS) return facts;
    if (factsOf(pid)?.startTime === facts.target.startTime) return facts;
  }
}

/**
 * Whether a process would leave a core if a signal like SIGSEGV or SIGABRT ended it now, and the receiver of the core. If
 * there is no core: the reason, and the changes that would help. The process is not touched.
 *
 * Applies to: this process or another. A pid that no process has is an answer: the rule `no-such-process` decides.
 *
 * Kernel: fs/coredump.c, do_coredump(), since 6.17 vfs_coredump(); the reference of each rule is in its step
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/core-dumps.md
 * @example
 * ```js
 * import { setDumpable } from 'tracegate';
 * import { explainCoreDump } from 'tracegate/explain';
 *
 * setDumpable('disabled');
 * const { answer, decidedBy } = explainCoreDump(process.pid);
 * console.log(answer, decidedBy); // denied dumpable
 * ```
 */
export function explainCoreDump(pid: number): CoreDumpExplanation {
  assertPid(pid);
  const facts = lookAtOne(pid);
  const verdict = checkCoreDump(facts);
  const around = surroundings();
  return {
    pid,
    startTime: facts.target?.startTime ?? null,
    comm: facts.target?.comm ?? null,
    mode: 'core',
    ...verdict,
    answer: verdict.verdict,
    destination: facts.target?.kind === 'user' ? coreDestination(facts) : null,
    notes: coreNotes(facts),
    surroundings: around.name,
    remedies: verdict.verdict === 'denied' ? coreRemedies(facts, verdict, around) : [],
    facts,
  };
}
