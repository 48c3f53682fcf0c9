import { coreProcessFacts } from '../kernel/core-dump-facts.js';
import { coreSettings } from '../kernel/core-settings.js';
import { helperSite, siteOfInit, siteOfProcess, socketSite } from '../kernel/core-site.js';
import type { Dumpable } from '../kernel/dumpable.js';
import { observeProcesses } from '../kernel/host.js';
import { assertPid } from '../kernel/pid.js';
import { LOOKS } from '../kernel/proc-status.js';
import { factsOf } from '../kernel/process-facts.js';
import { coreRemedies } from '../policy/core-changes.js';
import { checkCoreDump, templateOf } from '../policy/core-dump.js';
import { type CoreTemplate, coreTemplate } from '../policy/core-name.js';
import { type CoreDestination, coreDestination, coreNotes } from '../policy/core-notes.js';
import type { CoreFacts, CoreVerdict } from '../policy/core-verdict.js';
import type { Remedy } from '../policy/remedies.js';
import type { SurroundingsName } from '../policy/surroundings.js';
import { surroundings } from './surroundings.js';

/** Whether a process would leave a core, to whom, and what would change it. */
export interface CoreDumpExplanation extends CoreVerdict {
  pid: number;
  startTime: number | null;
  comm: string | null;
  mode: 'core';
  /** The verdict: without a crash there is no kernel to be asked. */
  answer: CoreVerdict['verdict'];
  /** Who gets the core, or would get it. */
  destination: CoreDestination | null;
  /** What keeps a core away, or a part of it, beside the rules. */
  notes: string[];
  surroundings: SurroundingsName | null;
  remedies: Remedy[];
  facts: CoreFacts;
}

type Places = Pick<CoreFacts, 'sites' | 'receiver'>;

const NOWHERE: Places = { sites: { user: null, root: null }, receiver: null };

/** The places that the rules ask about, looked at. */
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

/** What is read of a process in several steps may be of two that had the pid after each other. */
function lookAtOne(pid: number): CoreFacts {
  for (let times = 1; ; times++) {
    const facts = look(pid);
    if (facts.target === null || times === LOOKS) return facts;
    if (factsOf(pid)?.startTime === facts.target.startTime) return facts;
  }
}

/**
 * Whether a process would leave a core if a signal like SIGSEGV or SIGABRT ended it now, to whom the core would go, and if
 * there is none, why and what would change it. The process isn't touched.
 *
 * Kernel: fs/coredump.c, do_coredump(), since 6.17 vfs_coredump(); the reference of each rule is in its step
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
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
