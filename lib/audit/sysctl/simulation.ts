import type { Origin } from './line.js';
import { originOf, type PlannedWrite } from './plan.js';
import type { Write } from './value.js';

export interface Value {
  /** The possible values; there are several if the value depends on writes that are not certain. */
  texts: ReadonlySet<string>;
  /** The write that decides; null if the kernel's default holds. */
  by: Origin | null;
}

export interface WriteFate<T extends PlannedWrite> {
  write: T;
  fate: 'effective' | 'overridden' | 'refused';
  by: Origin | null;
  because: string | null;
}

/** Applies the writes in order, with the kernel's checks. */
export function simulate<T extends PlannedWrite>(
  writes: T[],
  kernel: Write,
  initial: string,
): { value: Value; fates: WriteFate<T>[] } {
  let texts: ReadonlySet<string> = new Set([initial]);
  let last: T | null = null;
  const fates: WriteFate<T>[] = [];
  const ended = new Map<object, Origin>();
  const mayHaveEnded = new Set<object>();
  for (const write of writes) {
    const { call = write } = write;
    const end = ended.get(call);
    if (end !== undefined) {
      fates.push({ write, fate: 'refused', by: end, because: 'the program ended at a refused write' });
      continue;
    }
    const isCertain = write.isCertain && !mayHaveEnded.has(call);
    const results = [...texts].map(current => ({ current, ...kernel(current, write.setting.value) }));
    const accepted = results.filter(result => result.accepted);
    const after = results.map(result => (result.accepted ? result.value : result.current));
    texts = new Set(isCertain ? after : [...texts, ...after]);
    const refusal = accepted.length === 0 ? results.find(result => !result.accepted) : undefined;
    if (write.call !== undefined && accepted.length < results.length) {
      if (isCertain && refusal !== undefined) ended.set(call, originOf(write.setting));
      else mayHaveEnded.add(call);
    }
    if (refusal !== undefined && !refusal.accepted) {
      fates.push({
        write,
        fate: 'refused',
        by: last && isLater(kernel, write) ? originOf(last.setting) : null,
        because: refusal.because,
      });
      continue;
    }
    fates.push({ write, fate: 'effective', by: null, because: null });
    last = write;
  }
  const by = last === null ? null : originOf(last.setting);
  for (const fate of fates) {
    if (fate.fate !== 'effective' || fate.write === last) continue;
    fate.fate = 'overridden';
    fate.by = by;
  }
  return { value: { texts, by }, fates };

  /** True if the kernel would accept this write as the first one. An earlier write is then the reason for the refusal. */
  function isLater(take: Write, write: T) {
    return take(initial, write.setting.value).accepted;
  }
}
