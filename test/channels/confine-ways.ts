// The ways from a confined program to its neighbours' secrets, one an entry: docs/confine.md.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { ConfineChannel } from '../../lib/confine/report.js';
import { compile } from '../helpers/compile.js';
import { ROOT } from '../helpers/processes.js';
import { asUser, type Neighbour, runAsUser, withNeighbour, withServer } from './neighbour.js';
import { attempt, judge, type Outcome, startThiefThrough } from './thief.js';
import type { Place, Victim, VictimStart } from './victim.js';
import { AT_SIGNALS, inspectAt, leftIn, MEMORY, noCoreFile, run, SMALL, WAYS, type Way } from './ways.js';

/** The groups of docs/confine.md: what closes the way, or null. */
export type ClosedBy = ConfineChannel | null;

export interface ConfineWay
  extends Pick<
    Way,
    'name' | 'brings' | 'note' | 'start' | 'isOptional' | 'isProgram' | 'missing' | 'endsVictim'
  > {
  closedBy: ClosedBy;
  /** Of a way that stays open: what closes it. */
  remedy?: string;
  prepare?: Way['prepare'];
  attempt: (victim: Victim) => Promise<Outcome>;
}

const { SIGUSR2 } = constants.signals;

/** A way that denyTracing() is tried with too. */
function known(name: string, closedBy: ClosedBy): ConfineWay {
  const way = WAYS.find(found => found.name === name);
  if (way === undefined) throw new Error(`ways.ts has no way '${name}'`);
  return { ...way, closedBy };
}

/** The output of test/fixtures/ways-out.c, which the thief executes. */
const wayOut = (victim: Victim, ...words: string[]) => run(victim, compile('ways-out.c'), ...words);

const byReaching =
  (command: string, ...words: string[]) =>
  async (victim: Victim) =>
    judge(victim, await wayOut(victim, command, `${victim.pid}`, ...words));

/** A call that sends SIGUSR2, at which Node writes its environment into a file. */
const reportBy = (name: string, command: string, start: VictimStart = AT_SIGNALS): ConfineWay => ({
  name: `${name}: SIGUSR2, and the report on signal`,
  brings: ['environment'],
  closedBy: 'signals',
  start,
  attempt: async victim => {
    const heard = await wayOut(victim, command, `${victim.pid}`, `${SIGUSR2}`);
    if (!/^sent$/m.test(heard)) return judge(victim, heard);
    await victim.settled();
    return leftIn(victim, 'report.');
  },
});

/** From test/fixtures/neighbour.c. */
const fromNeighbour = (
  name: string,
  place: Place,
  ask: (neighbour: Neighbour, victim: Victim) => string[],
): Omit<ConfineWay, 'closedBy'> => ({
  name,
  brings: [place],
  isOptional: place === 'keyring',
  attempt: victim =>
    withNeighbour(victim, async neighbour => {
      if (place === 'keyring' && neighbour.keyErrno !== 0)
        return { state: 'absent', why: 'the kernel has no keyrings, or refuses them' };
      return judge(victim, await wayOut(victim, ...ask(neighbour, victim)));
    }),
});

/** Writes a file of the user's, and has a program of the user's run it: the victim's environment comes out. */
const environmentInto = (victim: Victim) => `cat /proc/${victim.pid}/environ > ${victim.directory}/left\n`;

/** As a confined program that writes files does it. */
async function write(victim: Victim, path: string, text: string): Promise<void> {
  await run(
    victim,
    'sh',
    '-c',
    'mkdir -p "$(dirname "$0")"; printf %s "$1" > "$0"; chmod 755 "$0"',
    path,
    text,
  );
}

async function keyFile(victim: Victim): Promise<Outcome> {
  const directory = join(victim.directory, '.ssh');
  runAsUser(
    victim,
    'sh',
    '-c',
    'mkdir -m 700 .ssh && printf %s "$0" > .ssh/id_rsa',
    victim.newSecret('key file'),
  );
  return attempt(victim, 'files', directory, 'id_rsa');
}

async function shellStartup(victim: Victim): Promise<Outcome> {
  await write(victim, join(victim.directory, '.bashrc'), environmentInto(victim));
  runAsUser(victim, 'bash', '-i', '-c', 'true');
  return leftIn(victim, 'left');
}

async function gitHook(victim: Victim): Promise<Outcome> {
  const repository = join(victim.directory, 'repository');
  runAsUser(victim, 'git', 'init', '-q', repository);
  await write(victim, join(repository, '.git/hooks/pre-commit'), `#!/bin/sh\n${environmentInto(victim)}`);
  const identity = ['-c', 'user.name=user', '-c', 'user.email=user@localhost'];
  runAsUser(victim, 'git', '-C', repository, ...identity, 'commit', '-q', '--allow-empty', '-m', 'x');
  return leftIn(victim, 'left');
}

/** The agent's key is no file: the attacker has it sign. */
async function sshAgent(victim: Victim): Promise<Outcome> {
  const socket = join(victim.directory, 'agent');
  return withServer(victim, ['ssh-agent', '-D', '-a', socket], async () => {
    const inAgent = ['env', `SSH_AUTH_SOCK=${socket}`, 'sh', '-c'];
    runAsUser(
      victim,
      ...(inAgent as [string]),
      'ssh-keygen -q -t ed25519 -N "" -f key && ssh-add -q key && rm key*',
    );
    await run(
      victim,
      ...inAgent,
      'ssh-add -L > used.pub && echo text > text && ssh-keygen -q -Y sign -n file -f used.pub text',
    );
    // Verified by the user, without the agent.
    runAsUser(victim, 'sh', '-c', 'ssh-keygen -q -Y check-novalidate -n file -s text.sig < text');
    return { state: 'opens' };
  });
}

/** A service that the bus starts, outside of the attacker's domain. */
async function sessionBus(victim: Victim): Promise<Outcome> {
  const address = `unix:path=${victim.directory}/bus`;
  const service = '[D-BUS Service]\nName=test.Left\nExec=/bin/sh ';
  const words = ['dbus-daemon', '--session', '--nofork', '--print-address', `--address=${address}`];
  return withServer(victim, words, async () => {
    const script = join(victim.directory, 'script');
    // The bus waits for a name unless the service fails.
    await write(victim, script, `${environmentInto(victim)}exit 1`);
    await write(victim, join(victim.directory, 'share/dbus-1/services/test.service'), service + script);
    const call = (method: string, ...more: string[]) =>
      run(
        victim,
        ...['env', `DBUS_SESSION_BUS_ADDRESS=${address}`, 'dbus-send', '--print-reply'],
        ...[
          '--dest=org.freedesktop.DBus',
          '/org/freedesktop/DBus',
          `org.freedesktop.DBus.${method}`,
          ...more,
        ],
      );
    await call('ReloadConfig');
    // It answers when the service has ended.
    await call('StartServiceByName', 'string:test.Left', 'uint32:0');
    return leftIn(victim, 'left');
  });
}

async function tmux(victim: Victim): Promise<Outcome> {
  const socket = join(victim.directory, 'tmux');
  const command = ['tmux', '-S', socket, '-f', '/dev/null'] as const;
  runAsUser(victim, ...command, 'new-session', '-d');
  try {
    await run(victim, ...command, 'run-shell', environmentInto(victim).trim());
    return await leftIn(victim, 'left');
  } finally {
    runAsUser(victim, ...command, 'kill-server');
  }
}

async function openInspector(victim: Victim): Promise<Outcome> {
  await victim.call('openInspector');
  return judge(victim, await inspectAt(victim, victim.port, undefined, 0));
}

/** The attacker starts unconfined, and executes the launcher when it has this. */
async function hadBefore(victim: Victim, ...words: string[]): Promise<Outcome> {
  const thief = await startThiefThrough([], victim, 'run', ...words);
  return judge(victim, await thief.heard);
}

/** proc_pid_stat(5): where the environment lies, of which a process without the right to read sees 0. */
const PLACE = 'set -- $(cut -d" " -f50,51 /proc/$pid/stat) "$@"; start=$1 end=$2; shift 2;';

const inShell = (victim: Victim, script: string, ...words: string[]) =>
  hadBefore(victim, 'sh', '-c', `pid=${victim.pid}; ${script}`, 'sh', ...victim.through, ...words);

const openEnviron = (victim: Victim) => inShell(victim, 'exec "$@" < /proc/$pid/environ', 'cat');

const openMem = (victim: Victim) =>
  inShell(
    victim,
    `${PLACE} exec "$@" skip=$start count=$((end - start)) < /proc/$pid/mem`,
    ...['dd', 'status=none', 'iflag=skip_bytes,count_bytes'],
  );

const attached = (victim: Victim) =>
  inShell(
    victim,
    `${PLACE} exec ${compile('ways-out.c')} attached-before $pid "$@" $pid $start $end`,
    ...[compile('ways-out.c'), 'peek'],
  );

const inheritedConnection = (victim: Victim) =>
  withNeighbour(victim, ({ name }) =>
    hadBefore(victim, compile('ways-out.c'), 'connected-before', `@${name}`, ...victim.through, 'cat'),
  );

/** The kernel sends the signal, so no rule about senders applies. */
async function cpuLimit(victim: Victim): Promise<Outcome> {
  const heard = await wayOut(victim, 'prlimit', `${victim.pid}`);
  if (!/^sent$/m.test(heard)) return judge(victim, heard);
  // Where a start takes a second, it has ended by now.
  await victim.call('compute').catch(() => {});
  await victim.ended;
  return leftIn(victim, 'core');
}

/** A way that no domain closes. */
const open = (remedy: string, way: Omit<ConfineWay, 'closedBy' | 'remedy'>): ConfineWay => ({
  ...way,
  closedBy: null,
  remedy,
});

const NOT_GIVEN = 'descriptors that are closed before the start';

/** Whether the kernel still has TIOCSTI: the setting came with Linux 6.2. */
function noTyping(): string | null {
  const file = '/proc/sys/dev/tty/legacy_tiocsti';
  const isOff = existsSync(file) && readFileSync(file, 'utf8').trim() === '0';
  return isOff ? 'dev.tty.legacy_tiocsti is 0' : null;
}

/** The shell that started the attacker reads from the same terminal. */
async function terminal(victim: Victim): Promise<Outcome> {
  const typed = [...victim.through, compile('ways-out.c'), 'terminal', environmentInto(victim).trim()];
  const words = [join(ROOT, 'test/fixtures/types-command.py'), ...typed];
  const said = execFileSync('python3', words, { ...asUser(victim), encoding: 'utf8' });
  const [, refusal] = /^(refused TIOCSTI \d+)\r?$/m.exec(said) ?? [];
  return refusal === undefined ? leftIn(victim, 'left') : judge(victim, refusal);
}

export const CONFINE_WAYS: ConfineWay[] = [
  ...[
    'ptrace attach',
    'ptrace seize',
    '`gdb -p`',
    '`process_vm_readv`',
    '/proc/PID/mem',
    '/proc/PID/environ',
    '/proc/PID/maps',
    '/proc/PID/auxv',
    '/proc/PID/fd/N of an unlinked file',
    '`pidfd_getfd` of an open socket',
    '`kcmp`',
    '`perf_event_open`',
  ].map(name => known(name, 'tracing')),
  {
    name: '`process_vm_writev`',
    brings: 'opens',
    closedBy: 'tracing',
    attempt: byReaching('process_vm_writev'),
  },
  { name: '`get_robust_list`', brings: 'opens', closedBy: 'tracing', attempt: byReaching('robust-list') },

  known('report on signal (`--report-on-signal`)', 'signals'),
  reportBy('`tgkill`', 'tgkill'),
  reportBy('`sigqueue`', 'sigqueue'),
  reportBy('`pidfd_send_signal`', 'pidfd_send_signal'),
  reportBy('`kill` of its process group', 'group', { ...AT_SIGNALS, detached: true }),
  reportBy('`F_SETOWN` and `F_SETSIG` of a pipe', 'sigio'),
  known('SIGUSR1, then Node’s inspector over a WebSocket', 'signals'),
  known('heap snapshot on signal (`--heapsnapshot-signal`)', 'signals'),
  known('SIGSEGV, and the core file', 'signals'),

  {
    ...fromNeighbour('abstract unix socket: `connect`', 'abstract socket', ({ name }) => [
      'stream',
      `@${name}`,
    ]),
    closedBy: 'abstract-sockets',
  },
  {
    ...fromNeighbour('abstract unix socket: `sendto`', 'abstract datagram', ({ name }) => [
      'datagram',
      `@${name}-datagram`,
    ]),
    closedBy: 'abstract-sockets',
  },

  open('`bwrap --tmpfs` over the directory of the socket', {
    ...fromNeighbour('named unix socket of an agent', 'named socket', (_, { directory }) => [
      'stream',
      join(directory, 'socket'),
    ]),
  }),
  open('`bwrap --tmpfs` over the directory of the socket', {
    name: '`ssh-agent`',
    note: 'signs with its key',
    brings: 'opens',
    attempt: sshAgent,
  }),
  open('`bwrap --tmpfs` over the directory of the socket, such as /run', {
    name: 'D-Bus session bus: a service that it starts',
    brings: ['environment'],
    attempt: sessionBus,
  }),
  open('`bwrap --tmpfs` over the directory of the socket, such as /tmp', {
    name: '`tmux run-shell`',
    brings: ['environment'],
    attempt: tmux,
  }),
  open('`bwrap --unshare-net`', {
    name: 'TCP on localhost: Node’s inspector that listens already',
    brings: ['buffer', 'environment', 'string'],
    endsVictim: true,
    attempt: openInspector,
  }),
  open('`bwrap --tmpfs "$HOME"`', {
    name: '~/.ssh/id_rsa',
    brings: ['key file'],
    endsVictim: true,
    attempt: keyFile,
  }),
  open('`bwrap --ro-bind / /`', {
    name: '~/.bashrc, which the user’s next shell runs',
    brings: ['environment'],
    attempt: shellStartup,
  }),
  open('`bwrap --ro-bind / /`', {
    name: '.git/hooks/pre-commit, which the user’s next `git commit` runs',
    brings: ['environment'],
    endsVictim: true,
    attempt: gitHook,
  }),
  open('`bwrap --new-session`, or sysctl dev.tty.legacy_tiocsti=0', {
    name: 'TIOCSTI: types into the terminal that it shares with a shell',
    brings: ['environment'],
    missing: noTyping,
    attempt: terminal,
  }),
  open('`bwrap --unshare-pid --proc /proc`', {
    name: '/proc/PID/cmdline',
    brings: ['argument'],
    attempt: victim => attempt(victim, 'proc', `${victim.pid}`, 'cmdline'),
  }),
  open('`bwrap --dev /dev`', {
    ...fromNeighbour('POSIX shared memory', 'shared memory', ({ name }) => ['shared-memory', `/${name}`]),
  }),
  open('`bwrap --unshare-ipc`', {
    ...fromNeighbour('System V shared memory', 'System V memory', ({ memoryId }) => [
      'system-v',
      `${memoryId}`,
    ]),
  }),
  open('the user namespace of `bwrap`', {
    ...fromNeighbour('user keyring', 'keyring', ({ name }) => ['keyring', name]),
  }),
  open('`bwrap --unshare-pid`', {
    name: '`prlimit`: RLIMIT_CPU, SIGXCPU, and the core file',
    note: 'of a neighbour that computes for a second; the hard RLIMIT_CPU would end it by SIGKILL',
    brings: MEMORY,
    missing: noCoreFile,
    start: SMALL,
    endsVictim: true,
    attempt: cpuLimit,
  }),
  open(NOT_GIVEN, {
    name: '/proc/PID/environ that was opened before',
    brings: ['environment'],
    attempt: openEnviron,
  }),
  open(NOT_GIVEN, {
    name: '/proc/PID/mem that was opened before',
    brings: ['environment'],
    attempt: openMem,
  }),
  open(NOT_GIVEN, {
    name: 'connection to an abstract socket from before',
    brings: ['abstract socket'],
    attempt: inheritedConnection,
  }),
  open('a start by a process that traces nobody', {
    name: '`ptrace` that was attached before',
    brings: ['environment'],
    attempt: attached,
  }),
];
