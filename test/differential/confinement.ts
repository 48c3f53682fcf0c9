// The irrevocable restrictions of a role, from the actor's replies: seccomp filters and Landlock domains. The facts of
// the model show neither the calls that a filter refuses nor the presence of a domain.
import type { RoleName } from './population.js';

/** In the order of the bits of the actor's `refuse` (test/native/confinement_operations.h). */
export const FILTERABLE = [
  'ptrace',
  'process_vm_readv',
  'pidfd_open',
  'pidfd_getfd',
  'kcmp',
  'perf_event_open',
] as const;
export type FilterableCall = (typeof FILTERABLE)[number];

export interface FilterSpec {
  readonly calls: readonly FilterableCall[];
  readonly errno: number;
}

export interface Confinement {
  readonly filters: readonly FilterSpec[];
  /** A number for each of its Landlock domains, from the outermost. */
  readonly domains: readonly number[];
}

export const UNCONFINED: Confinement = { filters: [], domains: [] };

export const maskOf = (calls: readonly FilterableCall[]): number =>
  calls.reduce((mask, call) => mask | (1 << FILTERABLE.indexOf(call)), 0);

const callsOf = (mask: number): FilterableCall[] => FILTERABLE.filter((_, bit) => mask & (1 << bit));

/** The errnos of the filters that refuse one of these calls. */
export function refusalsOf({ filters }: Confinement, calls: readonly FilterableCall[]): number[] {
  return filters.filter(filter => filter.calls.some(call => calls.includes(call))).map(({ errno }) => errno);
}

/**
 * Whether Landlock keeps this tracer from this target: the tracer's domain is neither the target's nor one around it.
 *
 * Kernel: security/landlock/task.c, domain_scope_le()
 */
export function isBeyondDomain(tracer: Confinement, target: Confinement): boolean {
  return tracer.domains.some((domain, depth) => target.domains[depth] !== domain);
}

/** Follows the commands that the actor has obeyed. */
export class Confinements {
  readonly #of = new Map<RoleName, Confinement>();
  #domains = 0;

  of(role: RoleName): Confinement {
    return this.#of.get(role) ?? UNCONFINED;
  }

  note(role: RoleName, command: string, words: readonly string[]): void {
    const { filters, domains } = this.of(role);
    if (command === 'fork' || command === 'begin-thread') this.#of.set(words[0]!, this.of(role));
    if (command === 'refuse') {
      const filter = { errno: Number(words[0]), calls: callsOf(Number(words[1])) };
      this.#of.set(role, { filters: [...filters, filter], domains });
    }
    if (command === 'landlock') this.#of.set(role, { filters, domains: [...domains, ++this.#domains] });
  }
}
