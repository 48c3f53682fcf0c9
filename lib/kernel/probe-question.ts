import { badOption } from '../errors.js';
import { checkedOptions, integer, type OptionKinds, oneOf } from '../options.js';
import { isCapability } from './capabilities.js';
import { assertPid } from './pid.js';
import type { Answer, ProbeMethod } from './probe-outcome.js';
import { lookAndAsk, lookAt, type ProbeTarget } from './probe-target.js';
import type { Sighting } from './proc-status.js';
import type { Credentials } from './stranger.js';

/** The asking process: this process, a stranger (with the target's ids, without capabilities), or these credentials. */
export type ProbeAs = 'self' | 'stranger' | Credentials;

/** How a probe asks, and for which process. */
export interface ProbeOptions {
  /**
   * - `access` (default): only the kernel's check, without effect on the target
   * - `seize`: a real attach that doesn't stop the target, and is released at once
   * - `attach`: a debugger's attach, in a helper process; stops the target for microseconds (which may interrupt a call)
   * - `traceme`: whether a program started under a debugger may call PTRACE_TRACEME; `stranger` takes the ids of `pid`
   */
  method?: ProbeMethod;
  /** `self` by default. Other ids than this process's own require root. */
  as?: ProbeAs;
}

const METHODS: readonly ProbeMethod[] = ['access', 'seize', 'attach', 'traceme'];

const LARGEST_ID = 2 ** 32 - 2;

const ID = integer('an integer', 0, LARGEST_ID);
const CREDENTIALS: OptionKinds<Credentials> = {
  uid: ID,
  gid: ID,
  capabilities: {
    wanted: "a list of names such as 'CAP_SYS_PTRACE'",
    accepts: value => Array.isArray(value) && value.every(isCapability),
  },
};

/** @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` */
export function checkedCredentials(credentials: Credentials, of: string): Credentials {
  const given = checkedOptions(credentials, CREDENTIALS, of);
  for (const name of ['uid', 'gid'] as const)
    if (given[name] === undefined) throw badOption(`${of}.${name}`, ID.wanted, undefined);
  return given;
}

const OPTIONS: OptionKinds<ProbeOptions> = {
  method: oneOf(METHODS),
  as: {
    wanted: "'self', 'stranger' or { uid, gid, capabilities }",
    accepts: value =>
      value === 'self' || value === 'stranger' || (typeof value === 'object' && value !== null),
  },
};

/** A checked question, and the target before the question. */
export interface Question {
  pid: number;
  as: ProbeAs;
  method: ProbeMethod;
  /** The method in use. A traced target can't get a second tracer, so there only the check is made. */
  ask: ProbeMethod;
  before: Sighting<ProbeTarget>;
  /** The access check of this process on `before`, where its answer is meaningful. */
  check: Answer | null;
}

export function question(pid: number, options: ProbeOptions): Question {
  assertPid(pid);
  const { method = 'access', as: given = 'self' } = checkedOptions(options, OPTIONS);
  const as = typeof given === 'object' ? checkedCredentials(given, 'as') : given;
  const isOwn = as === 'self' && method !== 'traceme';
  const { target, check } = isOwn ? lookAndAsk(pid) : { target: lookAt(pid), check: null };
  const isTraced = target.state === 'seen' && target.facts.tracerPid !== 0;
  const ask = isTraced && method !== 'traceme' ? 'access' : method;
  return { pid, as, method, ask, before: target, check };
}
