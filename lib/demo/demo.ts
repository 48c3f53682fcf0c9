import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lchownSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PtraceScope } from '../kernel/ptrace-scope.js';
import type { PtracerResult } from '../kernel/ptracer.js';
import { readPtraceScope } from '../kernel/yama.js';
import { Attacker, type Attempt, type Channel } from './attacker.js';
import type { VictimReply } from './protocol.js';
import { Victim } from './victim-process.js';

export const CHANNELS = ['attach', 'process_vm_readv', 'mem', 'environ', 'core'] as const;
const PHASES = ['before', 'optedOut', 'declaredDebugger', 'besideDebugger'] as const;
export type Phase = (typeof PHASES)[number];

/** `not-tried`: the attempt would leave traces elsewhere, or would show nothing new; `why` says which. */
export type DemoAttempt = Attempt | { outcome: 'not-tried'; why: string };
export type DemoRow = { channel: Channel } & Record<Phase, DemoAttempt>;

export interface DemoResult {
  /** The last opt-out held (every channel that was tried is closed) and there was something to close. */
  verdict: 'pass' | 'fail';
  uid: number;
  kernelRelease: string;
  ptraceScope: PtraceScope;
  ptracer: PtracerResult;
  rows: DemoRow[];
}

const MARKER = 'tracegate-demo-secret:';
/** The overflowuid, which belongs to no user on any system: kernel/sys.c. */
const NOBODY = 65534;

const withoutPrivilege = () => {
  const uid = process.getuid?.() ?? NOBODY;
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid: process.getgid?.() ?? NOBODY };
};

const freshSecret = () => `${MARKER}${randomBytes(16).toString('hex')}`;

/** The destination of core files, if it isn't the victim's own directory. The demo then leaves that place alone. */
function coreGoesElsewhere(): string | null {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  if (pattern.startsWith('|')) return 'core_pattern is a pipe';
  return pattern.includes('/') || !pattern.startsWith('core') ? `core_pattern is ${pattern}` : null;
}

/** The victims' user, directories and secrets. */
class Scene {
  readonly user = withoutPrivilege();
  readonly directory = mkdtempSync(join(tmpdir(), 'tracegate-demo-'));
  readonly secrets = [freshSecret(), freshSecret()] as const;
  readonly #ends: (() => void)[] = [];
  readonly #rooms: string[] = [];

  constructor() {
    // The directory is ours, so that no user can exchange its content. Root never looks into the rooms, which the user
    // owns.
    chmodSync(this.directory, 0o711);
  }

  #room(): string {
    const room = join(this.directory, `${this.#rooms.length}`);
    mkdirSync(room, { mode: 0o700 });
    lchownSync(room, this.user.uid, this.user.gid);
    this.#rooms.push(room);
    return room;
  }

  async victim(): Promise<{ victim: Victim; room: string }> {
    const room = this.#room();
    const victim = await Victim.start(this.user, room, this.secrets[0], this.secrets[1]);
    this.#ends.push(() => victim.end());
    return { victim, room };
  }

  async attacker(): Promise<Attacker> {
    const attacker = await Attacker.start(this.user.uid, this.user.gid, MARKER);
    this.#ends.push(() => attacker.end());
    return attacker;
  }

  /** Whether the text that was read is one of the secrets. */
  isSecret(found: string): boolean {
    return this.secrets.some(secret => secret === MARKER + found);
  }

  close(): void {
    for (const end of this.#ends) end();
    // The user removes the content of the rooms, and can't remove the rooms themselves. rm's complaint about that is
    // ignored.
    spawnSync('rm', ['-rf', '--', ...this.#rooms], {
      ...(process.getuid?.() === 0 && this.user),
      stdio: 'ignore',
    });
    for (const directory of [...this.#rooms, this.directory]) if (existsSync(directory)) rmdirSync(directory);
  }
}

async function attack(scene: Scene, attacker: Attacker, victim: Victim): Promise<Map<Channel, DemoAttempt>> {
  const attempts = new Map<Channel, DemoAttempt>();
  for (const channel of CHANNELS) {
    if (channel === 'core') continue;
    const attempt = await attacker.try(channel, victim.pid);
    attempts.set(
      channel,
      attempt.outcome === 'read' && !scene.isSecret(attempt.secret) ? { outcome: 'not-found' } : attempt,
    );
  }
  return attempts;
}

/** A core dump ends its process, so each attempt takes a victim of its own. */
async function attackByCore(scene: Scene, attacker: Attacker, isOptedOut: boolean): Promise<DemoAttempt> {
  const why = coreGoesElsewhere();
  if (why !== null) return { outcome: 'not-tried', why };
  const { victim, room } = await scene.victim();
  if (isOptedOut) await victim.tell({ name: 'opt-out' });
  const attempt = await attacker.try('core', victim.pid, room);
  return attempt.outcome === 'read' && !scene.isSecret(attempt.secret) ? { outcome: 'not-found' } : attempt;
}

/** Without a core file before the opt-out, a missing core file after it proves nothing. */
function withoutCore(attempt: DemoAttempt): DemoAttempt {
  if (attempt.outcome === 'not-tried') return attempt;
  return { outcome: 'not-tried', why: 'none is written here: RLIMIT_CORE, or the directory' };
}

async function play(scene: Scene): Promise<Pick<DemoResult, 'rows' | 'ptracer'>> {
  const { victim } = await scene.victim();
  const attacker = await scene.attacker();
  const debuggerProcess = await scene.attacker();
  const notAgain: DemoAttempt = { outcome: 'not-tried', why: 'as before the opt-out' };

  const before = await attack(scene, attacker, victim);
  const core = await attackByCore(scene, attacker, false);
  const isCoreWritten = core.outcome === 'read';
  before.set('core', isCoreWritten ? core : withoutCore(core));
  await victim.tell({ name: 'opt-out' });
  const optedOut = await attack(scene, attacker, victim);
  if (isCoreWritten) optedOut.set('core', await attackByCore(scene, attacker, true));
  const { ptracer } = (await victim.tell({
    name: 'declare',
    debugger: debuggerProcess.pid,
  })) as VictimReply & {
    ptracer: PtracerResult;
  };
  const declaredDebugger = await attack(scene, debuggerProcess, victim);
  const besideDebugger = await attack(scene, attacker, victim);

  const phases = { before, optedOut, declaredDebugger, besideDebugger };
  const rows = CHANNELS.map(channel => {
    const cells = PHASES.map(phase => [phase, phases[phase].get(channel) ?? notAgain]);
    return { channel, ...Object.fromEntries(cells) } as DemoRow;
  });
  return { rows, ptracer };
}

/**
 * Runs the demo on real processes. A victim holds a secret, and a neighbour of the same uid tries to read it. The victim
 * opts out, and the kernel refuses the neighbour. Then the victim declares a debugger.
 */
export async function runDemo(): Promise<DemoResult> {
  let scene: Scene | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    scene?.close();
    process.kill(process.pid, signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  // The handlers are installed before there is anything to remove.
  for (const signal of signals) process.once(signal, onSignal);
  try {
    scene = new Scene();
    const { rows, ptracer } = await play(scene);
    const leaked = (phase: Phase) => rows.filter(row => row[phase].outcome === 'read').length;
    const closed = rows.every(
      row => row.optedOut.outcome === 'refused' || row.optedOut.outcome === 'not-tried',
    );
    return {
      verdict: leaked('before') > 0 && closed ? 'pass' : 'fail',
      uid: scene.user.uid,
      kernelRelease: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
      ptraceScope: readPtraceScope(),
      ptracer,
      rows,
    };
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    scene?.close();
  }
}
