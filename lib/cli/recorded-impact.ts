import { TracegateError } from '../errors.js';
import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import { counted } from '../map/graph/names.js';
import type { Change, Limit, RehearsedPair } from '../rehearse/rehearsal.js';
import { limitText } from '../rehearse/rehearsal-words.js';
import { rehearse } from '../rehearse/rehearse.js';
import { colour, fold } from './output.js';
import { recordingsOf } from './patterns.js';
import { pairLines } from './rehearse-text.js';

/** What a ptrace_scope changes for recorded accesses. */
export interface Recorded {
  change: Change;
  hosts: number;
  accesses: number;
  /** Those that break, or perhaps break. */
  pairs: RehearsedPair[];
  limits: Limit[];
}

/** @throws TracegateError `ERR_TRACEGATE_RECORDING` if a file can't be read to its end: a change must not be judged by a part */
export async function recordedAt(scope: PtraceScopeValue, words: readonly string[]): Promise<Recorded> {
  const { failed, atScope, hosts, accesses, pairs, limits } = await rehearse(
    await recordingsOf(words, '--recording '),
    [scope],
  );
  const [fault] = failed;
  if (fault !== undefined)
    throw new TracegateError(
      'ERR_TRACEGATE_RECORDING',
      `--recording ${JSON.stringify(fault.file)}: ${fault.because}`,
    );
  const changed = pairs.filter(pair => pair.atScope[scope]?.change !== 'unchanged');
  return { change: atScope[scope]?.change ?? 'unknown', hosts, accesses, pairs: changed, limits };
}

export function recordedLines(
  { change, hosts, accesses, pairs, limits }: Recorded,
  scope: PtraceScopeValue,
  width: number,
): string[] {
  const seen = `${counted(accesses, 'recorded access', 'recorded accesses')} of ${counted(hosts, 'host')}`;
  if (change === 'unchanged') return [fold(`breaks nothing of the ${seen}`, 2, width)];
  const lines = pairs.flatMap(pair => {
    const at = pair.atScope[scope];
    return at === undefined
      ? []
      : pairLines(pair, at, width, at.change === 'breaks' ? 'breaks:' : 'perhaps breaks:');
  });
  const hiding = limits.filter(({ hides }) => hides).map(limitText);
  return [
    ...lines,
    ...(pairs.length === 0 ? [fold(`breaks nothing that is known of the ${seen}`, 2, width)] : []),
    ...hiding.map(text => colour('yellow', fold(`perhaps breaks more: ${text}`, 2, width))),
  ];
}
