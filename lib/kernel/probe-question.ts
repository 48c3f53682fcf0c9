import { badOption, errnoName } from '../errors.js';
import { isCapability } from './capabilities.js';
import { native } from './native.js';
import { assertPid } from './pid.js';
import type { ProbeMethod } from './probe-outcome.js';
import { type ProcStatus, readProcStatus, type Sighting } from './proc-status.js';
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

/** As readProcStatus, without the shadow that another probe of this process (from a worker, say) may cast on the target. */
export function readTarget(pid: number): Sighting<ProcStatus> {
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen' || seen.facts.tracerPid === 0) return seen;
  const tracerPid = native().tracerOf(pid);
  if (tracerPid < 0) return { state: 'hidden', cause: `its tracer: ${errnoName(tracerPid)}` };
  return { state: 'seen', facts: { ...seen.facts, tracerPid } };
}

/** A checked question, and the target as it was before it was asked. */
export interface Question {
  pid: number;
  as: ProbeAs;
  method: ProbeMethod;
  /** How it is really asked: a target that has a tracer can't get a second one, so there only the check is asked. */
  ask: ProbeMethod;
  before: Sighting<ProcStatus>;
}

export function question(pid: number, { method = 'access', as = 'self' }: ProbeOptions): Question {
  assertPid(pid);
  if (!METHODS.includes(method))
    throw badOption('method', METHODS.map(name => `'${name}'`).join(' or '), method);
  assertAs(as);
  const before = readTarget(pid);
  const isTraced = before.state === 'seen' && before.facts.tracerPid !== 0;
  return { pid, as, method, ask: isTraced && method !== 'traceme' ? 'access' : method, before };
}
