import { capabilityMask, capabilityNames } from '../../kernel/capabilities.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { yamaDemand } from '../../kernel/ptrace-scope.js';
import { afterExec } from '../access/after-exec.js';
import { processName } from '../access/ancestry.js';
import type { Question } from '../access/question.js';
import type { RuleId } from '../access/verdict.js';
import {
  allIds,
  asRootOf,
  type Change,
  capabilityFor,
  EVERY_CAPABILITY,
  isInInitialNamespace,
  joined,
  mayRegain,
  NO_CAPABILITY,
  type Offer,
  onlyId,
  whoIsRoot,
  withProgramFile,
  withTarget,
  withTracer,
} from './change.js';
import {
  addTheCapability,
  becomeRootInside,
  leaveTheFilter,
  lowerTheScopeTo,
  runAsRoot,
} from './changes-outside.js';
import { giveToTheTool, lowerTheParanoiaLevel } from './changes-perf.js';
import type { Surroundings } from './surroundings.js';
import { toolFor } from './tool.js';

/** The capabilities that the target is permitted and the tracer isn't. */
const lackedBy = (tracer: ProcessFacts, target: ProcessFacts): bigint =>
  BigInt(`0x${target.capPermitted ?? '0'}`) & ~BigInt(`0x${tracer.capPermitted ?? '0'}`);

const quitTheTracer: Offer = ({ target, host }) => ({
  alters: ['already-traced'],
  power: 0,
  who: `process ${processName(target.tracerPid, host.processes)}`,
  what: 'detaches from the target: quit that debugger, or use its detach command',
  command: null,
  call: null,
  opens: 'nothing',
  apply: question => withTarget(question, { tracerPid: 0, tracerTgid: 0 }),
});

const startUnderIt: Offer = question => {
  const { tracer, target, mode } = question;
  const hasSameIds = onlyId(target.uids) !== null && onlyId(target.uids) === tracer.uids.real;
  if (mode !== 'attach' || !hasSameIds) return null;
  const without = lackedBy(tracer, target) === 0n ? '' : "; it then runs without the target's capabilities";
  return {
    alters: ['yama-scope', 'yama-relation', 'dumpable'],
    power: 1,
    who: 'you',
    what: `start the program under the debugger rather than attach to it: a parent may trace its child${without}`,
    command: toolFor(question).start,
    call: null,
    opens: 'nothing',
    apply: question => ({
      ...withTarget(question, {
        capPermitted: tracer.capPermitted,
        userNs: tracer.userNs,
        userNsRuledOut: tracer.userNsRuledOut,
        tracerPid: 0,
      }),
      mode: 'traceme',
    }),
  };
};

const NEW_USER_NS = 'one that is made for it';

/**
 * At ptrace_scope 2 Yama requires CAP_SYS_PTRACE. Root of a user namespace has that capability over every process inside.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_traceme(); kernel/user_namespace.c, create_user_ns()
 */
const startInUserNamespace: Offer = question => {
  const { tracer, target, mode, host } = question;
  const isAsked = mode === 'traceme' || (mode === 'attach' && onlyId(target.uids) === tracer.uids.real);
  if (yamaDemand(host.yama) !== 'capability' || !isAsked || tracer.userNs === null) return null;
  const ownSet = {
    userNs: NEW_USER_NS,
    userNsRuledOut: null,
    capPermitted: EVERY_CAPABILITY,
    capEffective: EVERY_CAPABILITY,
  };
  const made = { parent: tracer.userNs, owner: tracer.uids.effective, root: tracer.uids.effective };
  return {
    alters: ['yama-scope', 'dumpable'],
    power: 1,
    who: 'you',
    what: 'start the program under the debugger as root of a new user namespace, if this host allows users to make one; outside of it they gain no rights',
    command: `unshare --map-root-user ${toolFor(question).start}`,
    call: null,
    opens: 'nothing',
    apply: question => {
      const { host: before, ...inside } = withTarget(question, {
        ...ownSet,
        dumpable: true,
        memoryUserNs: null,
        tracerPid: 0,
        tracerTgid: 0,
      });
      const userNsParents = { ...before.userNsParents, [NEW_USER_NS]: made };
      // Root of the new namespace has all capabilities, whatever the debugger's file offers.
      const root = { ...question.tracer, ...ownSet };
      return { ...inside, tracer: root, host: { ...before, userNsParents }, mode: 'traceme' };
    },
  };
};

const declareIt: Offer = ({ tracer, host }) => {
  if (yamaDemand(host.yama) !== 'relation') return null;
  const pid = tracer.pid === 0 ? 'DEBUGGER_PID' : `${tracer.tgid ?? tracer.pid}`;
  return {
    alters: ['yama-relation'],
    power: 1,
    who: 'the target',
    what:
      tracer.pid === 0
        ? 'declares the debugger, which must run already (start gdb without -p, and enter there: attach PID)'
        : 'declares this tracer',
    command: null,
    call: `setPtracer(${pid}), in C prctl(PR_SET_PTRACER, ${pid}, 0, 0, 0)`,
    opens:
      'the target to that process, its threads and its descendants, until the target withdraws the declaration',
    apply: question => withTarget(question, { declaredTracer: 'any' }),
  };
};

const becomeDumpable: Offer = () => ({
  alters: ['dumpable', 'file-permission'],
  power: 2,
  who: 'the target',
  what: 'becomes dumpable',
  command: null,
  call: "setDumpable('user'), in C prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)",
  opens:
    'its environment, memory maps and core dumps to every process of its uid, and attaching to those that ptrace_scope allows',
  apply: question => withTarget(question, { dumpable: true, memoryUserNs: null }),
});

/**
 * Whether sudo gives nothing here. sudo is set-id, and its exec gives nothing under no_new_privs, or where the user
 * namespace doesn't map the owner of sudo (fs/exec.c, bprm_fill_uid()). In a container or a sandbox another shell is no
 * way out, because a pid outside may be another.
 */
const isSudoInVain = (question: Question, { name }: Surroundings) =>
  name === null ? !isInInitialNamespace(question) : question.tracer.noNewPrivs !== false;

const takeItsIds: Offer = (question, surroundings) => {
  const { target } = question;
  const uid = onlyId(target.uids);
  const gid = onlyId(target.gids);
  if (uid === null || gid === null || uid === 0 || isSudoInVain(question, surroundings)) return null;
  if (!mayRegain(capabilityMask(['CAP_SETUID', 'CAP_SETGID']), question)) return null;
  return {
    alters: ['credentials', 'file-permission'],
    power: 3,
    who: whoIsRoot(question),
    what: "runs the tracer as the target's own user",
    command: asRootOf(
      question,
      `setpriv --reuid ${uid} --regid ${gid} --clear-groups ${toolFor(question).attach(target.pid)}`,
    ),
    call: null,
    opens: `what uid ${uid} may do, to that one command`,
    apply: changed =>
      withTracer(
        changed,
        {
          uids: allIds(uid),
          gids: allIds(gid),
          capPermitted: NO_CAPABILITY,
          capEffective: NO_CAPABILITY,
        },
        NO_CAPABILITY,
      ),
  };
};

const takeItsCapabilities: Offer = (question, surroundings) => {
  const { tracer, target } = question;
  const lacking = lackedBy(tracer, target);
  const names = capabilityNames(lacking).map(name => name.replace('CAP_', '').toLowerCase());
  if (lacking === 0n || names.length > 4 || tracer.userNs !== target.userNs) return null;
  if (!mayRegain(lacking, question) || isSudoInVain(question, surroundings)) return null;
  const sets = names.map(name => `+${name}`).join(',');
  const ids = `--reuid ${tracer.uids.real} --regid ${tracer.gids.real} --clear-groups`;
  return {
    alters: ['capability-subset'],
    power: 3,
    who: whoIsRoot(question),
    what: "gives the tracer the target's capabilities too",
    command: asRootOf(
      question,
      `setpriv ${ids} --inh-caps ${sets} --ambient-caps ${sets} ${toolFor(question).attach(target.pid)}`,
    ),
    call: null,
    opens: 'these capabilities to that one command',
    apply: changed =>
      withTracer(
        changed,
        {
          capPermitted: joined(tracer.capPermitted, lacking),
          capEffective: joined(tracer.capEffective, lacking),
          capInheritable: joined(tracer.capInheritable, lacking),
        },
        joined(changed.program?.credentials.ambient ?? null, lacking),
      ),
  };
};

const leaveTheSandbox: Offer = () => ({
  alters: ['landlock'],
  power: 4,
  who: 'you',
  what: 'start the tracer outside of its Landlock sandbox: from a shell that is not in it',
  command: null,
  call: null,
  opens: 'everything that the sandbox withheld from the tracer',
  apply: question => ({ ...withTracer(question, { noNewPrivs: false }), isConfined: false }),
});

/** Offered where the program's exec would give something without no_new_privs. */
const leaveNoNewPrivs: Offer = question => {
  const { program, host } = question;
  if (program === undefined || !afterExec(program, host).hinderedBy.includes('no_new_privs')) return null;
  return {
    alters: capabilityFor(question).rules,
    power: 4,
    who: 'you',
    what: `start ${program.file.path} from a shell that has not set no_new_privs, under which its exec gives nothing`,
    command: null,
    call: null,
    opens: 'what the exec gives to it, for as long as it runs',
    apply: changed => withTracer(changed, { noNewPrivs: false }),
  };
};

/** Offered where the program's file is on a nosuid mount. */
const leaveNosuid: Offer = question => {
  const { program } = question;
  if (program?.file.isNosuid !== true) return null;
  return {
    alters: capabilityFor(question).rules,
    power: 4,
    who: 'root',
    what: `puts ${program.file.executes} on a file system that is not mounted nosuid, with its owner, its set-id bits and its file capabilities`,
    command: null,
    call: null,
    opens: 'what the exec gives to it, to everybody who may execute it',
    apply: changed => withProgramFile(changed, { isNosuid: false }),
  };
};

/** A label shows which module may refuse. Without labels only a BPF program can refuse. */
const changeThePolicy: Offer = ({ tracer, target }) => {
  const hasLabels = tracer.lsmLabel !== '' && target.lsmLabel !== '';
  const rule = `for AppArmor \`ptrace (trace, read) peer=${target.lsmLabel || 'LABEL'},\` in its profile`;
  return {
    alters: ['other-lsm', 'perf-lsm'],
    power: 4,
    who: 'root',
    what: hasLabels
      ? `finds in the kernel log what the security module refused, and allows the tracer to do that in its policy (${rule})`
      : 'finds the BPF program that refuses, and allows the tracer in the policy of the service that loaded it',
    command: hasLabels ? 'journalctl -k --grep "ptrace|denied"' : 'bpftool prog list | grep lsm',
    call: null,
    opens: 'what the new rule says, to every process under that policy',
    apply: question => withTracer(question, { lsmLabel: 'unconfined' }),
  };
};

const OFFERS: readonly Offer[] = [
  quitTheTracer,
  startUnderIt,
  startInUserNamespace,
  declareIt,
  becomeDumpable,
  takeItsIds,
  takeItsCapabilities,
  becomeRootInside,
  addTheCapability,
  leaveTheFilter,
  runAsRoot,
  giveToTheTool,
  leaveTheSandbox,
  leaveNoNewPrivs,
  leaveNosuid,
  changeThePolicy,
  lowerTheParanoiaLevel,
  lowerTheScopeTo(1),
  lowerTheScopeTo(0),
];

/** Every change that could alter the answer of one of these rules. */
export function changesOf(
  question: Question,
  rules: readonly RuleId[],
  surroundings: Surroundings,
): Change[] {
  return OFFERS.map(offer => offer(question, surroundings)).filter(
    (change): change is Change => change?.alters.some(rule => rules.includes(rule)) === true,
  );
}
