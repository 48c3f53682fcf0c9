// What injected code can make of the credentials of the thread that it runs in, before it asks the kernel for more.
import { readFileSync } from 'node:fs';

type Ids = readonly [real: number, effective: number, saved: number];

/** As /proc shows it to root. */
export interface Status {
  readonly process: number;
  readonly tracer: number;
  readonly uids: Ids;
  readonly gids: Ids;
  readonly permitted: bigint;
  readonly effective: bigint;
}

export function statusOf(tid: number): Status {
  const fields = new Map(
    readFileSync(`/proc/${tid}/status`, 'latin1')
      .split('\n')
      .map(line => line.split(':\t') as [string, string]),
  );
  const words = (name: string) => fields.get(name)!.split('\t');
  const ids = (name: string) => words(name).slice(0, 3).map(Number) as unknown as Ids;
  const mask = (name: string) => BigInt(`0x${fields.get(name)}`);
  return {
    process: Number(fields.get('Tgid')),
    tracer: Number(fields.get('TracerPid')),
    uids: ids('Uid'),
    gids: ids('Gid'),
    permitted: mask('CapPrm'),
    effective: mask('CapEff'),
  };
}

/** An id as its namespace numbers it; null if it has no name there. */
function inside(tid: number, kind: 'uid' | 'gid', id: number): number | null {
  for (const line of readFileSync(`/proc/${tid}/${kind}_map`, 'latin1').trim().split('\n')) {
    const [first, outside, count] = line.trim().split(/\s+/).map(Number);
    if (first !== undefined && id >= outside! && id < outside! + count!) return first + id - outside!;
  }
  return null;
}

const CAP_SETGID = 1n << 6n;
const CAP_SETUID = 1n << 7n;

/** What injected code makes of its credentials before it asks. */
export type Way =
  | { readonly as: 'itself' | 'raised' }
  | { readonly as: 'ids'; readonly uid: number; readonly gid: number };

export const textOf = (way: Way) => (way.as === 'ids' ? `uid ${way.uid} gid ${way.gid}` : way.as);

const distinct = (numbers: readonly (number | null)[]) => [
  ...new Set(numbers.filter(number => number !== null)),
];

/** All ways of a process, the smallest changes first. With CAP_SETUID or CAP_SETGID it can take any ids. */
export function waysOf(tid: number, others: readonly Status[]): Way[] {
  const { uids, gids, permitted, effective } = statusOf(tid);
  const anyOf = (capability: bigint, ids: (status: Status) => Ids) =>
    (permitted & capability) === 0n ? [] : others.flatMap(ids);
  const named = (kind: 'uid' | 'gid', ids: readonly number[]) =>
    distinct(ids.map(id => inside(tid, kind, id)));
  const allUids = named('uid', [...uids, ...anyOf(CAP_SETUID, status => status.uids)]);
  const allGids = named('gid', [...gids, ...anyOf(CAP_SETGID, status => status.gids)]);
  const isUniform = new Set(uids).size === 1 && new Set(gids).size === 1;
  const same = isUniform ? [inside(tid, 'uid', uids[0]), inside(tid, 'gid', gids[0])] : [];
  return [
    { as: 'itself' },
    ...(permitted === effective ? [] : [{ as: 'raised' } as const]),
    ...allUids.flatMap(uid =>
      allGids
        .filter(gid => uid !== same[0] || gid !== same[1])
        .map(gid => ({ as: 'ids', uid, gid }) as const),
    ),
  ];
}
