// Which processes are in the domain of a confined process, compared with a simulation of forks and ends.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { confinedTree } from '../../lib/policy/access/confined-tree.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import { SEED, times } from '../helpers/tier.js';

interface Simulated {
  pid: number;
  parent: Simulated | null;
  startTime: number;
  isSubreaper: boolean;
  isInDomain: boolean;
}

type Step = {
  does: 'fork' | 'clone-parent' | 'end' | 'subreaper' | 'tick' | 'outside';
  who: number;
};

const someStep: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom('fork', 'fork', 'fork', 'clone-parent', 'end', 'end', 'subreaper', 'tick', 'outside'),
  who: fc.nat(1000),
});

/**
 * Processes that fork and end. The root gets its domain as soon as it starts.
 *
 * Kernel: kernel/fork.c, copy_process() (CLONE_PARENT); kernel/exit.c, find_new_reaper()
 */
function simulate(steps: readonly Step[], rootAt: number): { all: Simulated[]; root: Simulated | null } {
  const init = { pid: 1, parent: null, startTime: 0, isSubreaper: false, isInDomain: false };
  let all: Simulated[] = [init];
  let root: Simulated | null = null;
  let [now, last] = [0, 1];
  const start = (parent: Simulated | null, from: Simulated | null) => {
    // A pid tells nothing of the order.
    last++;
    const made = {
      pid: (last * 7919) % 100_003,
      parent,
      startTime: now,
      isSubreaper: false,
      isInDomain: from?.isInDomain ?? false,
    };
    all.push(made);
    if (root === null && all.length > rootAt) {
      root = made;
      made.isInDomain = true;
    }
  };
  const reaperOf = ({ parent }: Simulated): Simulated | null => {
    for (let at = parent; at !== null; at = at.parent) if (at.isSubreaper || at === init) return at;
    // Its ancestors are outside of this pid namespace.
    return init;
  };
  for (const { does, who } of steps) {
    const one = all[who % all.length]!;
    if (does === 'tick') now++;
    if (does === 'fork') start(one, one);
    // As nsenter(1) does: its parent isn't seen in this pid namespace.
    if (does === 'outside') start(null, null);
    if (does === 'clone-parent' && one !== init) start(one.parent, one);
    if (does === 'subreaper') one.isSubreaper = true;
    if (does === 'end' && one !== init && one !== root) {
      const reaper = reaperOf(one);
      all = all.filter(other => other !== one);
      for (const child of all) if (child.parent === one) child.parent = reaper;
    }
  }
  return { all, root };
}

const factsOf = ({ pid, parent, startTime }: Simulated) => ({
  ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs: null }),
  pid,
  tgid: pid,
  ppid: parent?.pid ?? 0,
  startTime,
});

const someHistory = fc.tuple(
  fc.array(someStep, { minLength: 10, maxLength: 60 }),
  fc.integer({ min: 1, max: 6 }),
);

it('what counts as inside is in the domain, what counts as outside is not, and a descendant counts as inside', () => {
  const counted = { true: 0, false: 0, null: 0, orphans: 0 };
  fc.assert(
    fc.property(someHistory, ([steps, rootAt]) => {
      const { all, root } = simulate(steps, rootAt);
      if (root === null) return;
      const processes = all.map(factsOf);
      const isInTree = confinedTree(factsOf(root), processes);
      for (const [at, process] of all.entries()) {
        const said = isInTree(processes[at]!);
        counted[`${said}`]++;
        if (said === null && process.isInDomain) counted.orphans++;
        if (said !== null) expect(said, `${process.pid}`).toBe(process.isInDomain);
        if (process === root || process.parent === root) expect(said).toBe(true);
      }
    }),
    { seed: SEED, numRuns: times(2000, 50_000) },
  );
  for (const times of Object.values(counted)) expect(times).toBeGreaterThan(20);
});

it('with facts forgotten, an answer is still right', () => {
  const someForgotten = fc.array(fc.tuple(fc.nat(1000), fc.constantFrom('ppid', 'startTime', 'gone')), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(someHistory, someForgotten, ([steps, rootAt], forgotten) => {
      const { all, root } = simulate(steps, rootAt);
      if (root === null) return;
      let seen = all.map(process => ({
        process,
        facts: factsOf(process) as ReturnType<typeof hypotheticalProcess>,
      }));
      for (const [which, what] of forgotten) {
        const one = seen[which % seen.length]!;
        if (what !== 'gone') one.facts = { ...one.facts, [what]: null };
        else if (one.process !== root) seen = seen.filter(other => other !== one);
      }
      const processes = seen.map(({ facts }) => facts);
      const isInTree = confinedTree(seen.find(({ process }) => process === root)!.facts, processes);
      for (const { process, facts } of seen) {
        const said = isInTree(facts);
        if (said !== null) expect(said, `${process.pid}`).toBe(process.isInDomain);
      }
    }),
    { seed: SEED, numRuns: times(2000, 50_000) },
  );
});
