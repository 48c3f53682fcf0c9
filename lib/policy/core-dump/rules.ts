import type { CoreProcessFacts, Limit } from '../../kernel/core-dump-facts.js';
import type { Dumpable } from '../../kernel/dumpable.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { CoreTemplate } from './name.js';
import type { CoreFacts, CoreRuleId, CoreStep } from './verdict.js';

// Rules about the process itself, its limits and core_pattern. The rules about the place of the core are in
// core-place.ts.

export type Finding = Pick<CoreStep, 'outcome' | 'because'>;

export const pass = (because: string): Finding => ({ outcome: 'pass', because });
export const deny = (because: string): Finding => ({ outcome: 'deny', because });
export const unknown = (because: string): Finding => ({ outcome: 'unknown', because });

/** A question about an existing process. */
export interface Question extends CoreFacts {
  target: ProcessFacts;
  process: CoreProcessFacts;
}

/** With a dumpable of 0 the kernel writes no core, so only the other two values count. */
export type Writing = Exclude<Dumpable, 'disabled'>;

export const NUMBERS: Record<Dumpable, number> = { disabled: 0, user: 1, root: 2 };

const limitText = (limit: Limit) => (limit === 'unlimited' ? limit : `${limit}`);

export function processState({ target, process }: Question): [CoreRuleId, Finding] {
  const { kind, threads } = target;
  switch (kind) {
    case 'kernel-thread':
      return ['kernel-thread', deny('it is a kernel thread: no signal ends it')];
    case 'zombie':
      return threads !== null && threads > 1
        ? ['zombie', unknown('its first thread has ended: what the others would leave is not seen')]
        : ['zombie', deny('it is a zombie: it has ended, and has no memory any more')];
    case 'exiting':
      return ['exiting', deny('it is about to end')];
    case 'unknown':
      return ['exiting', unknown('no fact about it can be read')];
    case 'user':
      return process.isDumping === true
        ? ['exiting', deny('it has crashed: its core is being written, and there is no second one')]
        : ['exiting', pass('it is alive')];
  }
}

export function support({ settings }: Question): Finding {
  if (settings.isSupported === false) return deny('this kernel writes no core dumps (CONFIG_COREDUMP)');
  if (settings.isSupported === null)
    return unknown('/proc/sys/kernel does not show whether this kernel writes core dumps');
  return pass('this kernel writes core dumps');
}

const NOT_DUMPABLE =
  'it opted out, changed its ids, or runs a program that is set-id, has capabilities or may not be read';

export function dumpable({ process, settings }: Question): Finding {
  const values = process.dumpable;
  const [only] = values;
  if (only !== undefined && values.length === 1)
    return only === 'disabled'
      ? deny(`its dumpable is 0: ${NOT_DUMPABLE}`)
      : pass(`its dumpable is ${NUMBERS[only]}${only === 'root' ? ', so that root writes its core' : ''}`);
  if (!values.includes('user'))
    return unknown(
      `it is not dumpable (${NOT_DUMPABLE}); its dumpable is 0, which leaves no core, or 2, with which root writes the core: only Linux 6.16 and newer show which (fs.suid_dumpable is ${settings.suidDumpable ?? 'not seen'} now)`,
    );
  return values.includes('disabled')
    ? unknown("its dumpable can't be seen: root owns its files in any case; Linux 6.16 and newer show it")
    : pass('its dumpable is 1 or 2');
}

export function corePattern(template: CoreTemplate, pattern: string | null): Finding {
  const said = `core_pattern is ${JSON.stringify(pattern)}`;
  switch (template.kind) {
    case 'unusable':
      return deny(template.why);
    case 'unknown':
      return unknown(template.why);
    case 'pipe':
      return pass(`${said}: a program of root's reads the core`);
    case 'socket':
      return pass(`${said}: the core goes to the socket there`);
    case 'file': {
      const longest = Math.max(...template.path.split('/').map(part => Buffer.byteLength(part)));
      return longest > 255
        ? deny(`${said}: that makes a file name of ${longest} bytes, and 255 is the most`)
        : pass(`${said}: a file`);
    }
  }
}

export function coreLimit(template: CoreTemplate, { process, settings }: Question): Finding {
  const soft = process.limit?.soft;
  if (template.kind === 'socket') return pass('a socket gets the core whatever RLIMIT_CORE is');
  if (soft === undefined) return unknown("its RLIMIT_CORE isn't seen");
  if (template.kind === 'pipe')
    return soft === 1
      ? deny('its RLIMIT_CORE is 1, at which the kernel gives no core to a pipe')
      : pass(`its RLIMIT_CORE is ${limitText(soft)}, and a pipe gets the whole core unless it is 1`);
  return soft !== 'unlimited' && soft < settings.smallestLimit
    ? deny(`its RLIMIT_CORE is ${soft}, and below ${settings.smallestLimit} no core file is written`)
    : pass(`its RLIMIT_CORE is ${limitText(soft)}`);
}

export function fileSizeLimit({ process: { fileSizeLimit: limit } }: Question): Finding {
  if (limit === null) return unknown("its RLIMIT_FSIZE isn't seen");
  return limit === 0
    ? deny('its RLIMIT_FSIZE is 0: the core file is made, and stays empty')
    : pass(`its RLIMIT_FSIZE is ${limitText(limit)}`);
}

/** The possible values of dumpable that give a core. If there are none: the value after the process has opted in. */
export function writingsOf({ dumpable: values }: CoreProcessFacts): readonly Writing[] {
  const writing = values.filter(value => value !== 'disabled');
  return writing.length > 0 ? writing : ['user'];
}
