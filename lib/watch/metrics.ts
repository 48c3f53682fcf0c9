import { metric, type Sample } from '../audit/formats/prometheus.js';
import type { AccessOutcome, WatchEvent } from './recording.js';

const SCOPES = [0, 1, 2, 3] as const;

/** Counts of the recorded events, for node_exporter's textfile collector. */
export class WatchMetrics {
  readonly #source: string;
  readonly #startedAt = Date.now() / 1000;
  /** By way and outcome. */
  readonly #accesses = new Map<string, number>();
  /** Of the accesses that were allowed: how many each scope would refuse, or may refuse. */
  readonly #refused = [0, 0, 0, 0];
  readonly #unknown = [0, 0, 0, 0];
  #lost = 0;

  constructor(source: string) {
    this.#source = source;
  }

  count(event: WatchEvent): void {
    if (event.event === 'gap') this.#lost += event.lost ?? 1;
    if (event.event !== 'access') return;
    const { pair, outcome } = event;
    const key = JSON.stringify([pair.way, outcome]);
    this.#accesses.set(key, (this.#accesses.get(key) ?? 0) + 1);
    if (outcome !== 'allowed') return;
    for (const scope of SCOPES) {
      const { verdict } = pair.scopes[scope];
      if (verdict === 'refused') this.#refused[scope] = (this.#refused[scope] ?? 0) + 1;
      if (verdict === 'unknown') this.#unknown[scope] = (this.#unknown[scope] ?? 0) + 1;
    }
  }

  text(isRunning: boolean): string {
    const accesses = [...this.#accesses].map(([key, count]): Sample => {
      const [way = '', outcome] = JSON.parse(key) as [string, AccessOutcome];
      return [{ way, outcome }, count];
    });
    const wouldBe = SCOPES.flatMap((scope): Sample[] => [
      [{ scope: `${scope}`, verdict: 'refused' }, this.#refused[scope] ?? 0],
      [{ scope: `${scope}`, verdict: 'unknown' }, this.#unknown[scope] ?? 0],
    ]);
    return [
      metric('tracegate_watch_running', 'Whether accesses are recorded, and from where.', [
        [{ source: this.#source }, isRunning ? 1 : 0],
      ]),
      metric('tracegate_watch_start_timestamp_seconds', 'Since when.', [[{}, Math.floor(this.#startedAt)]]),
      metric(
        'tracegate_watch_accesses_total',
        'Accesses to other processes that the tracing rules decided.',
        accesses,
        'counter',
      ),
      metric(
        'tracegate_watch_would_be_refused_total',
        'Of the accesses that were allowed: those that the ptrace_scope would refuse, or may refuse (unknown).',
        wouldBe,
        'counter',
      ),
      metric(
        'tracegate_watch_lost_events_total',
        'Events that came faster than they were read. A loss of unknown size counts as 1.',
        [[{}, this.#lost]],
        'counter',
      ),
    ].join('');
  }
}
