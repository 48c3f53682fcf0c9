// Makes the snapshot of a made-up host from a seed: a server for many users, with containers. A larger host has more
// users and containers, of about the same size each.

/** @typedef {import('../../lib/kernel/process-facts.js').ProcessFacts} ProcessFacts */
/** @typedef {import('../../lib/kernel/host.js').SnapshotFacts} SnapshotFacts */

const INITIAL = '4026531837';
const NONE = '0000000000000000';
const FULL = '000001ffffffffff';
/** Docker's default: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap */
const CONTAINER = '00000000a80425fb';

/** mulberry32 @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {number} id */
const ids = id => ({ real: id, effective: id, saved: id, fs: id });

/** Of services of root the capabilities that are left to them. */
const SERVICES = [
  ['systemd-journal', '00000025402800cf'],
  ['systemd-udevd', FULL],
  ['systemd-network', '0000000000003c00'],
  ['cron', FULL],
  ['sshd', FULL],
  ['dockerd', FULL],
  ['containerd', FULL],
  ['NetworkManager', '0000000000003002'],
  ['rsyslogd', '0000000400000000'],
  ['chronyd', '0000000002000400'],
];
/** Programs of a user: name, whether it is dumpable, whether it sets no_new_privs, how many. */
const SESSION = [
  ['systemd', true, false, 1],
  ['dbus-daemon', true, false, 1],
  ['ssh-agent', false, false, 1],
  ['gpg-agent', true, false, 1],
  ['bash', true, false, 6],
  ['node', true, false, 8],
  ['python3', true, false, 5],
  ['chrome', true, true, 14],
  ['redis-server', true, false, 1],
  ['tmux', true, false, 2],
];

/**
 * @param {number} seed
 * @param {number} count how many processes
 * @returns {SnapshotFacts}
 */
export function syntheticHost(seed, count) {
  const next = random(seed);
  /** @template T @param {readonly T[]} list */
  const pick = list => /** @type {T} */ (list[Math.floor(next() * list.length)]);
  /** @type {ProcessFacts[]} */
  const processes = [];
  /** @type {SnapshotFacts['host']['userNsParents']} */
  const userNsParents = { [INITIAL]: { parent: 'none', owner: 0, root: 0 } };

  /** @param {number} ppid @param {string} comm @param {Partial<ProcessFacts>} facts */
  const add = (ppid, comm, facts) => {
    const pid = processes.length + 1;
    /** @type {ProcessFacts} */
    const made = {
      pid,
      ppid,
      tgid: pid,
      startTime: pid * 10,
      comm,
      kind: 'user',
      uids: ids(0),
      gids: ids(0),
      userNs: INITIAL,
      userNsRuledOut: null,
      memoryUserNs: null,
      capPermitted: NONE,
      capEffective: NONE,
      capInheritable: NONE,
      capBounding: FULL,
      dumpable: true,
      seccomp: 'none',
      noNewPrivs: false,
      tracerPid: 0,
      tracerTgid: 0,
      tracedThreads: [],
      threadRights: [],
      threads: 1 + Math.floor(next() * 12),
      lsmLabel: 'unconfined',
      declaredTracer: 'unknown',
      ...facts,
    };
    // A root's files look alike whether it is dumpable or not.
    if (made.uids.effective === 0 && made.userNs === INITIAL) made.dumpable = null;
    if (made.dumpable === false) made.memoryUserNs = INITIAL;
    processes.push(made);
    return pid;
  };
  const isFull = () => processes.length >= count;

  /** @param {string} mask */
  const caps = mask => ({ capPermitted: mask, capEffective: mask, capBounding: mask });
  add(0, 'systemd', caps(FULL));
  const kthreadd = add(0, 'kthreadd', { kind: 'kernel-thread', ...caps(FULL) });
  for (let i = 0; i < Math.min(120, count / 12); i++)
    add(kthreadd, 'kworker/0:1', { kind: 'kernel-thread', ...caps(FULL) });
  for (const [comm = '', mask = ''] of SERVICES) add(1, comm, { ...caps(mask), noNewPrivs: mask !== FULL });
  for (const [at, comm] of ['systemd-resolve', 'messagebus', 'postgres', 'nginx', 'www-data'].entries()) {
    const its = {
      uids: ids(100 + at),
      gids: ids(100 + at),
      lsmLabel: at > 2 ? `${comm} (enforce)` : 'unconfined',
    };
    const daemon = add(1, comm, its);
    for (let i = 0; i < 4; i++) add(daemon, comm, its);
  }

  let uid = 1000;
  let namespace = 4026532100;
  while (!isFull()) {
    const user = { uids: ids(uid), gids: ids(uid) };
    const session = add(1, 'systemd', user);
    for (const [comm, dumpable, noNewPrivs, most] of SESSION) {
      const times = 1 + Math.floor(next() * Number(most));
      for (let i = 0; i < times && !isFull(); i++) {
        const parent = next() < 0.3 ? processes.length : session;
        add(parent, `${comm}`, {
          ...user,
          dumpable: Boolean(dumpable),
          noNewPrivs: Boolean(noNewPrivs),
          seccomp: noNewPrivs && next() < 0.7 ? 'filter' : 'none',
        });
      }
    }
    // A debugger at work, in one session of ten.
    if (next() < 0.1 && processes.length > session + 3 && !isFull()) {
      const debuggee = processes[session + 2];
      const tracer = add(session, 'gdb', user);
      if (debuggee) Object.assign(debuggee, { tracerPid: tracer, tracerTgid: tracer });
    }
    // One user of five has rootless containers; a container of Docker stands beside every second one.
    if (next() < 0.2 && !isFull()) {
      const userNs = `${namespace++}`;
      userNsParents[userNs] = { parent: INITIAL, owner: uid, root: 100000 + uid * 65536 };
      const root = 100000 + uid * 65536;
      const init = add(session, 'conmon', user);
      for (let i = 0; i < 5 && !isFull(); i++)
        add(init, pick(['nginx', 'node', 'sh']), {
          uids: ids(root),
          gids: ids(root),
          userNs,
          ...caps(CONTAINER),
        });
    }
    if (next() < 0.5 && !isFull()) {
      const shim = add(1, 'containerd-shim', caps(FULL));
      const inside = {
        ...caps(CONTAINER),
        seccomp: /** @type {const} */ ('filter'),
        lsmLabel: 'docker-default (enforce)',
      };
      for (let i = 0; i < 4 && !isFull(); i++) add(shim, pick(['java', 'postgres', 'node']), inside);
    }
    uid++;
  }
  return {
    host: {
      kernelRelease: '6.12.9-amd64',
      yama: { state: 'present', value: 0, name: 'classic' },
      lsms: ['capability', 'landlock', 'yama', 'apparmor'],
      lsmsRuledOut: [],
      suidDumpable: 0,
      userNsParents,
      corePattern: 'core',
      observedAs: { uid: 0, capEffective: FULL, userNs: INITIAL },
    },
    processes,
  };
}
