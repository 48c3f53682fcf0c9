import { badOption } from '../errors.js';
import { isCapability } from './capabilities.js';
import { assertPid } from './pid.js';
import type { Answer, ProbeMethod } from './probe-outcome.js';
import { lookAndAsk, lookAt, type ProbeTarget } from './probe-target.js';
import type { Sighting } from './proc-status.js';
import type { Credentials } from './stranger.js';

/** Who asks: this process, an unrelated one with the target's own ids and no capability, or one with these. */
export type ProbeAs = 'self' | 'stranger' | Credentials;

export interface ProbeOptions {
  /**
   * - `access` (default): the kernel's check alone, no effect on the target
   * - `seize`: a real attach that doesn't stop the target, let go at once
   * - `attach`: a debugger's attach, in a helper process; stops the target for microseconds (which may interrupt a call)
   * - `traceme`: whether a program started under a debugger may ask for it; `pid` only says whose ids `stranger` takes
   */
  method?: ProbeMethod;
  as?: ProbeAs;
}

const METHODS: readonly ProbeMethod[] = ['access', 'seize', 'attach', 'traceme'];

const LARGEST_ID = 2 ** 32 - 2;

function assertAs(as: unknown): asserts as is ProbeAs {
  if (as === 'self' || as === 'stranger') return;
  const wanted = "'self', 'stranger' or { uid, gid, capabilities }";
  if (typeof as !== 'object' || as === null) throw badOption('as', wanted, as);
  const { uid, gid, capabilities = [] } = as as Record<string, unknown>;
  for (const [name, id] of Object.entries({ uid, gid })) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > LARGEST_ID) {
      throw badOption(`as.${name}`, `an integer from 0 to ${LARGEST_ID}`, id);
    }
  }
  if (!Array.isArray(capabilities)) throw badOption('as.capabilities', 'a list of names', capabilities);
  for (const name of capabilities) {
    if (!isCapability(name))
      throw badOption('as.capabilities', "a list of names such as 'CAP_SYS_PTRACE'", name);
  }
}

/** A checked question, and the target as it was before it was asked. */
export interface Question {
  pid: number;
  as: ProbeAs;
  method: ProbeMethod;
  /** How it is really asked: a target that has a tracer can't get a second one, so there only the check is asked. */
  ask: ProbeMethod;
  before: Sighting<ProbeTarget>;
  /** The access check of this process, where its answer says something: of `before`. */
  check: Answer | null;
}

export function question(pid: number, { method = 'access', as = 'self' }: ProbeOptions): Question {
  assertPid(pid);
  if (!METHODS.includes(method))
    throw badOption('method', METHODS.map(name => `'${name}'`).join(' or '), method);
  assertAs(as);
  const isOwn = as === 'self' && method !== 'traceme';
  const { target, check } = isOwn ? lookAndAsk(pid) : { target: lookAt(pid), check: null };
  const isTraced = target.state === 'seen' && target.facts.tracerPid !== 0;
  const ask = isTraced && method !== 'traceme' ? 'access' : method;
  return { pid, as, method, ask, before: target, check };
}
