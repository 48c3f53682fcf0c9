// A program that is not started yet, in each mode, with the threads of its target, and the remedies.
import { describe, expect, it } from 'vitest';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { INITIAL_USER_NS } from '../../lib/kernel/user-namespace.js';
import { checkAccess } from '../../lib/policy/access/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../../lib/policy/access/access-mode.js';
import { afterExec, type Program } from '../../lib/policy/access/after-exec.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import type { Host } from '../../lib/policy/access/question.js';
import { remediesFor } from '../../lib/policy/remedies/remedies.js';
import type { SurroundingsName } from '../../lib/policy/remedies/surroundings.js';

const process = (pid: number, uid: number, changes: Partial<ProcessFacts> = {}): ProcessFacts => ({
  ...hypotheticalProcess({ uid, gid: uid, userNs: INITIAL_USER_NS }),
  pid,
  tgid: pid,
  ...changes,
});

const HOST: Host = {
  kernelRelease: '6.1.0',
  yama: { state: 'absent' },
  lsms: [],
  lsmsRuledOut: [],
  perfEvents: { state: 'present', paranoid: 4, admits: 'CAP_PERFMON' },
  suidDumpable: 0,
  userNsParents: { [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 } },
  corePattern: 'core',
  observedAs: { uid: 0, capEffective: '0', userNs: INITIAL_USER_NS },
  processes: [],
};

const NONE = '0000000000000000';
const NET_RAW = '0000000000002000';
/** Docker's default. */
const WITHOUT_PTRACE = '00000000a80425fb';

interface Case {
  path?: string;
  file?: Partial<Program['file']>;
  starter?: Partial<ProcessFacts>;
  target?: Partial<ProcessFacts>;
  mode?: AccessMode;
  surroundings?: SurroundingsName | null;
}

function ask({ path = '/opt/gdb', file, starter, target, mode = 'attach', surroundings = null }: Case) {
  const program: Program = {
    file: {
      path,
      executes: path,
      isSetUid: false,
      isSetGid: false,
      uid: 0,
      gid: 0,
      capabilities: 'none',
      isNosuid: false,
      mountUserNs: INITIAL_USER_NS,
      isExecutable: true,
      ...file,
    },
    starter: process(60, 1000, starter),
    credentials: { ambient: NONE, isNoRoot: false, groups: [] },
  };
  const asked = process(50, 33, target);
  const tracer = afterExec(program, HOST).facts;
  const verdict = checkAccess(tracer, asked, HOST, mode, program);
  const question = { tracer, target: asked, host: HOST, mode, program };
  const around = { name: surroundings, instance: null, hasReadOnlySysctl: false };
  const commands = remediesFor(question, [verdict.decidedBy], around).map(({ actions }) =>
    actions.map(({ command, what }) => command ?? what).join(' + '),
  );
  return { verdict, commands };
}

it.each(ACCESS_MODES)('%s: its exec is the first step', mode => {
  expect(ask({ mode }).verdict.steps[0]).toMatchObject({ rule: 'exec', outcome: 'pass' });
  const capabilities = { permitted: NET_RAW, inheritable: NONE, effective: true, rootId: 0 };
  const cut = { file: { capabilities }, starter: { capBounding: NONE } };
  expect(ask({ mode, ...cut }).verdict).toMatchObject({ verdict: 'denied', decidedBy: 'exec' });
});

describe('the threads', () => {
  const thread = (tid: number, uid: number) => {
    const { uids, gids } = process(tid, uid);
    const none = { capPermitted: NONE, capEffective: NONE, capInheritable: NONE, capBounding: NONE };
    return { tid, uids, gids, ...none, seccomp: 'none', noNewPrivs: false } as const;
  };

  it('of its starter are not its own', () => {
    const { verdict } = ask({ starter: { threads: 2, threadRights: [thread(61, 33)] } });
    expect(verdict).toMatchObject({ verdict: 'denied', threads: null });
  });

  it('of its target count, each', () => {
    const { verdict } = ask({ target: { threads: 2, threadRights: [thread(51, 1000)] } });
    expect(verdict).toMatchObject({ verdict: 'allowed', threads: { tracer: 0, target: 51 } });
    expect(verdict.steps[0]).toMatchObject({ rule: 'exec', outcome: 'pass' });
  });
});

describe('the remedies', () => {
  it('perf: CAP_PERFMON for that file, or root', () => {
    const { commands } = ask({ path: '/opt/perf', mode: 'perf' });
    expect(commands).toContain('sudo setcap cap_perfmon+ep /opt/perf');
    expect(commands).toContain('sudo /opt/perf record -p 50');
  });

  it('perf: on a nosuid mount CAP_PERFMON does not help, and the interpreter of a script is not changed', () => {
    const told = (file: Partial<Program['file']>) =>
      ask({ path: '/opt/perf', mode: 'perf', file }).commands.filter(command => command.includes('setcap'));
    expect(told({ isNosuid: true })).toEqual([
      expect.stringMatching(/perf \+ puts \/opt\/perf on a file system/),
    ]);
    expect(told({ executes: '/bin/sh' })).toEqual([]);
  });

  it('in a container: the capability in the bounding set, from which root gets it by an exec', () => {
    const inside = { starter: { capBounding: WITHOUT_PTRACE }, surroundings: 'docker' } as const;
    expect(ask(inside).commands).toContain('docker run --cap-add=SYS_PTRACE');
    const privileged = ask({ surroundings: 'docker' }).commands;
    expect(privileged).toContain('docker exec -it --user 0 CONTAINER /opt/gdb -p 50');
  });

  it('in a unit: an ambient capability, which a program with capabilities of its own does not get', () => {
    const inside = { starter: { capBounding: WITHOUT_PTRACE }, surroundings: 'systemd' } as const;
    const edits = (file: Partial<Program['file']>) =>
      ask({ ...inside, file }).commands.filter(command => command.startsWith('systemctl edit'));
    expect(edits({})).toHaveLength(1);
    expect(
      edits({ capabilities: { permitted: NET_RAW, inheritable: NONE, effective: true, rootId: 0 } }),
    ).toEqual([]);
  });
});
