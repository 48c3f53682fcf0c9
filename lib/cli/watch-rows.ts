import { basename } from 'node:path';
import type { Pair, ScopeVerdict, Side, WatchEvent, WatchedAccess } from '../watch/recording.js';
import { type Colour, colour, fitted, printable, table, wrapped } from './output.js';

const SIGNS: Record<ScopeVerdict['verdict'], readonly [sign: string, Colour]> = {
  allowed: ['✓', 'dim'],
  refused: ['✗', 'red'],
  unknown: ['?', 'yellow'],
};

const signOf = ({ verdict }: ScopeVerdict): string => {
  const [sign, style] = SIGNS[verdict];
  return colour(style, sign);
};

/** The name of the process, with that of its program where the two differ, as for a script. */
export function sideName({ comm, program }: Side): string {
  const file = program === null ? null : basename(program);
  if (comm === null) return file === null ? '(not seen)' : printable(file);
  return printable(file === null || file.startsWith(comm) ? (file ?? comm) : `${comm} (${file})`);
}

const clock = (time: string): string => new Date(time).toTimeString().slice(0, 8);

/** The scopes that would refuse it, or may, with the reason. */
function refusalsOf({ scopes }: Pair): string[] {
  return scopes.flatMap(({ verdict, because, rule }, scope) =>
    verdict === 'allowed' ? [] : [`at ${scope} ${verdict}${rule === null ? '' : ` (${rule})`}: ${because}`],
  );
}

/** One line for one event. */
export function eventLine(event: WatchEvent): string {
  const time = event.time.replace('T', ' ');
  if (event.event === 'gap')
    return colour('yellow', `${time} ${event.lost ?? 'some'} events were lost: ${event.because}`);
  const who = (side: Side | null, task: { pid: number }) =>
    side === null ? `${task.pid}` : `${sideName(side)} (${task.pid})`;
  if (event.event === 'end')
    return `${time} ${who(null, event.tracer)} no longer traces ${who(null, event.target)}`;
  const { pair, outcome, error } = event;
  const signs = pair.scopes.map((verdict, scope) => `${scope}${signOf(verdict)}`).join(' ');
  const ended = outcome === 'failed' ? `${outcome} (${error})` : outcome;
  return `${time} ${who(pair.tracer, event.tracer)} ${pair.way} ${who(pair.target, event.target)}: ${ended}; at scope ${signs}`;
}

interface Row {
  pair: Pair;
  count: number;
  /** Of those: refused, or failed. */
  refused: number;
  failed: number;
  last: string;
}

/** Rows that are kept. A row that isn't shown any more costs no more than its names. */
const MOST_ROWS = 2000;

/** The accesses by programs, way and verdicts: the row of the last access first. */
export class WatchRows {
  readonly #rows = new Map<string, Row>();
  #lost = 0;
  #total = 0;

  take(event: WatchEvent): void {
    if (event.event === 'gap') this.#lost += event.lost ?? 1;
    if (event.event === 'access') this.#add(event);
  }

  #add({ pair, outcome, time }: WatchedAccess): void {
    this.#total++;
    const { tracer, way, target, scopes } = pair;
    const key = JSON.stringify([
      ...[sideName(tracer), way, sideName(target)],
      ...scopes.map(({ verdict }) => verdict),
    ]);
    const row = this.#rows.get(key) ?? { pair, count: 0, refused: 0, failed: 0, last: time };
    row.count++;
    if (outcome === 'refused') row.refused++;
    if (outcome === 'failed') row.failed++;
    row.last = time;
    this.#rows.delete(key);
    this.#rows.set(key, row);
    if (this.#rows.size > MOST_ROWS) this.#rows.delete(this.#rows.keys().next().value ?? '');
  }

  /**
   * @param most the number of lines that fit
   * @param hasDetails whether the reasons stand below each row
   */
  text(most: number, hasDetails: boolean): string {
    const rows = [...this.#rows.values()].reverse();
    const head = ['TRACER', 'WAY', 'TARGET', 'COUNT', 'LAST', '0', '1', '2', '3'];
    const cells = rows.map(({ pair, count, refused, failed, last }) => [
      sideName(pair.tracer),
      pair.way,
      sideName(pair.target),
      `${count}${refused > 0 ? ` (${refused} refused)` : ''}${failed > 0 ? ` (${failed} failed)` : ''}`,
      clock(last),
      ...pair.scopes.map(signOf),
    ]);
    const [top = '', ...lines] = table([head.map(word => colour('bold', word)), ...cells]).split('\n');
    const shown: string[] = [];
    let left = 0;
    for (const [at, line] of lines.entries()) {
      const pair = rows[at]?.pair;
      const details = hasDetails && pair !== undefined ? detailsOf(pair) : [];
      if (shown.length + 1 + details.length > most) {
        left = lines.length - at;
        break;
      }
      shown.push(line, ...details);
    }
    const counts = [
      `${this.#total} accesses`,
      ...(left > 0 ? [`${left} earlier rows are not shown`] : []),
      ...(this.#lost > 0 ? [colour('yellow', `${this.#lost} events were lost`)] : []),
    ];
    return fitted([top, ...shown, counts.join(', ')].join('\n'));
  }
}

/** Why, and the least remedy for the first scope that refuses. */
function detailsOf(pair: Pair): string[] {
  const first = pair.scopes.find(({ remedies }) => remedies.length > 0);
  const [least] = first?.remedies ?? [];
  const remedy = (least?.actions ?? []).map(
    ({ who, what, command, call }) => `${who}: ${what}${(command ?? call) ? `: ${command ?? call}` : ''}`,
  );
  return [...refusalsOf(pair), ...remedy].flatMap(text =>
    wrapped(`    ${printable(text)}`)
      .split('\n')
      .map(line => colour('dim', line)),
  );
}
