import { badOption } from '../../errors.js';
import { CAPABILITIES, type Capability, capabilityMask, isCapability } from '../../kernel/capabilities.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';

/** The credentials of a process that doesn't run. A null is an unknown value. */
export interface HypotheticalProcess {
  /** The real, effective, saved and fs uid. */
  uid: number | null;
  gid: number | null;
  /** None by default. */
  capabilities?: readonly Capability[];
  /** The id of its user namespace, such as {@link HostFacts.observedAs} has it. */
  userNs: string | null;
}

const all = (id: number | null) => ({ real: id, effective: id, saved: id, fs: id });

/**
 * A process with these credentials, without relatives, and without restrictions of its own. The pid is 0.
 *
 * Applies to: pure data.
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` for a name that no capability has
 * @example
 * ```js
 * import { hypotheticalProcess } from 'tracegate/policy';
 *
 * const { pid, uids } = hypotheticalProcess({ uid: 33, gid: 33, userNs: '4026531837' });
 * console.log(pid, uids); // 0 { real: 33, effective: 33, saved: 33, fs: 33 }
 * ```
 */
export function hypotheticalProcess({
  uid,
  gid,
  capabilities = [],
  userNs,
}: HypotheticalProcess): ProcessFacts {
  const unknown = capabilities.find(name => !isCapability(name));
  if (unknown !== undefined)
    throw badOption('capabilities', 'a list of names of capabilities(7), such as CAP_SYS_PTRACE', unknown);
  const capabilitySet = capabilityMask(capabilities).toString(16).padStart(16, '0');
  return {
    pid: 0,
    ppid: 1,
    tgid: 0,
    startTime: null,
    comm: null,
    kind: 'user',
    uids: all(uid),
    gids: all(gid),
    userNs,
    userNsRuledOut: null,
    memoryUserNs: null,
    capPermitted: capabilitySet,
    capEffective: capabilitySet,
    capInheritable: '0000000000000000',
    capBounding: capabilityMask(CAPABILITIES).toString(16).padStart(16, '0'),
    dumpable: true,
    seccomp: 'none',
    noNewPrivs: false,
    tracerPid: 0,
    tracerTgid: 0,
    tracedThreads: [],
    threadRights: [],
    threads: 1,
    lsmLabel: null,
    declaredTracer: 'none',
  };
}
