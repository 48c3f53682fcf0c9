// The questions to a staged population: the kernel's answer for every ordered pair, by the system call itself, and the
// answer of the product's probes in the same thread.
import { constants } from 'node:os';
import { type Answer, isYes } from '../../lib/kernel/probe-outcome.js';
import { unpackAnswer } from '../../lib/kernel/probe-target.js';
import type { Actor } from '../scopes/actor.js';
import { type FilterableCall, refusalsOf } from './confinement.js';
import { hasPerfEvents } from './paranoia.js';
import type { RoleName } from './population.js';
import type { Random } from './random.js';
import type { Role, Staged } from './stage.js';

/** In the order of the actor's answers (test/native/questions.h). */
export const MODES = ['attach', 'vm-read', 'getfd', 'mem', 'read', 'environ', 'kcmp', 'perf'] as const;
export type Mode = (typeof MODES)[number];

/** Of which the product has a probe, in the order of its answers. */
export const PROBED = ['attach', 'vm-read', 'getfd', 'kcmp'] as const satisfies readonly Mode[];
export type ProbedMode = (typeof PROBED)[number];

/**
 * The result of the system call. `yes`: it read the target's word, or the other data that was asked for. `no`: it read
 * nothing. `none`: the kernel has no such call.
 */
export interface KernelAnswer {
  readonly is: 'yes' | 'no' | 'odd' | 'none';
  readonly text: string;
  /** A filter of the tracer answered. */
  readonly byFilter: boolean;
}

/** The calls by which each is asked. */
const CALLS: Record<Mode, readonly FilterableCall[]> = {
  attach: ['ptrace'],
  'vm-read': ['process_vm_readv'],
  getfd: ['pidfd_open', 'pidfd_getfd'],
  mem: [],
  read: [],
  environ: [],
  kcmp: ['kcmp'],
  perf: ['perf_event_open'],
};

const { EPERM, ESRCH, EBADF, EACCES, ENOSYS } = constants.errno;

/**
 * ESRCH if the memory is gone (mm/process_vm_access.c), and no descriptors. fs/proc/base.c, environ_open() also gives
 * ESRCH. Before Linux 6.16 it opens, and a read gives nothing. perf_event_open gives EACCES, or ESRCH for an ended
 * process.
 */
const REFUSALS: Record<Mode, readonly string[]> = {
  attach: [`${EPERM}`],
  'vm-read': [`${EPERM}`, `${ESRCH}`],
  getfd: [`${EPERM}`, `${ESRCH}`],
  mem: [`${EPERM}`, `${EACCES}`, `${ESRCH}`],
  read: [`${EACCES}`],
  environ: [`${EPERM}`, `${EACCES}`, `${ESRCH}`, '='],
  kcmp: [`${EPERM}`],
  perf: hasPerfEvents ? [`${EACCES}`, `${ESRCH}`] : [`${ENOSYS}`],
};

const READS_A_WORD: readonly Mode[] = ['vm-read', 'mem', 'environ'];

function answerOf(mode: Mode, text: string, tracer: Role, target: Role): KernelAnswer {
  const refusals = refusalsOf(tracer.confinement, CALLS[mode]);
  const byFilter = refusals.length > 0;
  const answer = (is: KernelAnswer['is']): KernelAnswer => ({ is, text, byFilter });
  // A pidfd is of a process; from Linux 6.9 on PIDFD_THREAD makes one of a thread.
  if (mode === 'getfd' && target.isThread) return answer('none');
  if (byFilter) return answer(refusals.includes(Number(text)) ? 'no' : 'odd');
  // Debian's kernel for uml has none.
  if (mode === 'kcmp' && text === `${ENOSYS}`) return answer('none');
  // The check has passed, and there is no such descriptor: a zombie has none, nor has a kernel thread.
  if (mode === 'getfd' && text === `${EBADF}` && !target.isListening)
    return answer(target.secret === null ? 'yes' : 'no');
  if (REFUSALS[mode].includes(text)) return answer('no');
  const yes = READS_A_WORD.includes(mode) ? `=${target.secret}` : '=';
  return answer(text === yes ? 'yes' : 'odd');
}

export interface Answered {
  readonly tracer: Role;
  readonly target: Role;
  readonly answers: Record<Mode, KernelAnswer>;
  readonly probed: Record<ProbedMode, Answer>;
}

function probeOf(text = ''): Answer {
  const [error = Number.NaN, answeringCall = Number.NaN] = text.split(':').map(Number);
  return unpackAnswer((answeringCall << 16) | error);
}

/** Every ordered pair, or only the pairs of these two, in random order. */
export async function askKernel(
  actor: Actor,
  { roles }: Staged,
  random: Random,
  only?: { tracer: RoleName; target: RoleName },
): Promise<Answered[]> {
  const rounds = random
    .shuffle(
      roles.filter(({ name, isListening }) => isListening && (only === undefined || name === only.tracer)),
    )
    .map(tracer => ({
      tracer,
      by: random.pick(['ask-attaching', 'ask-seizing']),
      targets: random.shuffle(roles.filter(({ name }) => only === undefined || name === only.target)),
    }))
    .filter(({ targets }) => targets.length > 0);
  const values = await actor.must(
    ...rounds.flatMap(({ tracer, by, targets }) => {
      const pids = targets.map(({ pid }) => pid).join(' ');
      return [`${tracer.name} ${by} ${pids}`, `${tracer.name} ask-product ${pids}`];
    }),
  );
  const textsOf = (at: number) => values[at]!.split('/').map(texts => texts.split(','));
  return rounds.flatMap(({ tracer, targets }, round) => {
    const [texts, probes] = [textsOf(2 * round), textsOf(2 * round + 1)];
    return targets.map((target, at) => ({
      tracer,
      target,
      answers: Object.fromEntries(
        MODES.map((mode, place) => [mode, answerOf(mode, texts[at]?.[place] ?? '', tracer, target)]),
      ) as Answered['answers'],
      probed: Object.fromEntries(
        PROBED.map((mode, place) => [mode, probeOf(probes[at]?.[place])]),
      ) as Answered['probed'],
    }));
  });
}

/**
 * Whether the product's probe agrees with the call itself. The probe of an attach is the access check alone, so another
 * refusal of an attach is no difference. Unknown is right only if a kernel without that call would give unknown too.
 */
export function isProbeRight(mode: ProbedMode, answer: Answer, kernel: KernelAnswer): boolean {
  if (kernel.is === 'none') return true;
  if (kernel.is === 'odd') return false;
  if (kernel.byFilter) {
    const isLikeNoCall = mode !== 'attach' && kernel.text === `${ENOSYS}`;
    return isLikeNoCall
      ? answer.answeringCall === 'none'
      : answer.byFilter === true && `${answer.error}` === kernel.text;
  }
  if (answer.byFilter === true) return false;
  if (answer.answeringCall === 'none') return mode === 'attach';
  if (!isYes(answer)) return kernel.is === 'no';
  // The check let it pass, and a zombie had nothing to be had.
  return kernel.is === 'yes' || mode === 'attach' || kernel.text === `${EBADF}`;
}
