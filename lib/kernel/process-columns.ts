import { native } from './native.js';

/** The columns of native/addon/process_table_call.cc, which has them in an order of its own. -1: not seen. */
const ROW = [
  ...(['sight', 'pid', 'ppid', 'tgid', 'startTime', 'comm'] as const),
  ...(['threads', 'commandLine', 'profile'] as const),
] as const;
const PROFILE = [
  ...(['state', 'kindFlags', 'realUid', 'effectiveUid', 'savedUid', 'fsUid'] as const),
  ...(['realGid', 'effectiveGid', 'savedGid', 'fsGid'] as const),
  ...(['permitted', 'effective', 'inheritable', 'bounding', 'tracer', 'seccomp', 'noNewPrivs'] as const),
  ...(['ownerUid', 'ownerGid', 'userNs', 'idMaps', 'labelError', 'label'] as const),
  ...(['blocked', 'ignored', 'caught'] as const),
] as const;

type RowColumn = (typeof ROW)[number];
export type ProfileColumn = (typeof PROFILE)[number];

/** The place of each column by its name, as the addon says. */
export function placesOf<Name extends string>(
  wanted: readonly Name[],
  given: readonly string[],
): Record<Name, number> {
  if ([...wanted].sort().join() !== [...given].sort().join())
    throw new Error(
      `The addon's columns are ${given}, and not ${wanted}: it is of another version of tracegate`,
    );
  return Object.fromEntries(given.map((name, place) => [name, place])) as Record<Name, number>;
}

export interface Columns {
  row: Readonly<Record<RowColumn, number>>;
  profile: Readonly<Record<ProfileColumn, number>>;
  /** The number of columns. */
  rowLength: number;
  profileLength: number;
}

let columns: Columns | undefined;

/** The columns of the table, as the addon orders them. */
export function tableColumns(): Columns {
  if (columns === undefined) {
    const { row, profile } = native().processTableColumns();
    columns = {
      row: placesOf(ROW, row),
      profile: placesOf(PROFILE, profile),
      rowLength: row.length,
      profileLength: profile.length,
    };
  }
  return columns;
}
