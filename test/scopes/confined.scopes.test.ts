// Tracers that a security module confines: the refusal doesn't show which module refused, and explain gives no wrong
// reason. On the stock kernel, which has Landlock and AppArmor.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import { type Explanation, spawnConfined } from '../../lib/index.js';
import { modulesRuledOut } from '../../lib/kernel/security-modules.js';
import type { RuleId } from '../../lib/policy/index.js';
import { spawnRelative } from '../../lib/testing/index.js';
import { watch } from '../../lib/watch/index.js';
import { compile } from '../helpers/compile.js';
import { Family } from '../helpers/family.js';
import { AS_USER, ObedientProcess, USER } from '../helpers/processes.js';
import { isStock, itAtOneScope, kernelName, requirePowers, scope } from './scope.js';

beforeAll(requirePowers);

async function target() {
  const found = await spawnRelative('child', { credentials: { uid: USER, gid: USER } });
  onTestFinished(() => found.end());
  return found;
}

/** The answer to a neighbour at this scope, if no module confines it. */
const isOpen = scope === 0;

it('the reported modules are those of the kernel', () => {
  const list = readFileSync('/sys/kernel/security/lsm', 'utf8').trim().split(',');
  expect(explainSync(1).facts.host).toMatchObject({ lsms: list, lsmsRuledOut: [] });
});

it('each module that is not in the list is also ruled out without securityfs', () => {
  const list = readFileSync('/sys/kernel/security/lsm', 'utf8').trim().split(',');
  const telling = ['apparmor', 'selinux', 'smack', 'landlock'];
  expect(modulesRuledOut()).toEqual(telling.filter(name => !list.includes(name)));
});

const asked = (process: ObedientProcess, pid: number, mode = 'attach'): Promise<Explanation> =>
  process.call('explain', pid, { mode });

/** The rules that may have refused: the module, and the rule that Yama adds at this scope. */
function refusers(module: RuleId): RuleId[] {
  if (scope === 2 || scope === 3) return ['yama-scope'];
  return isOpen ? [module] : [module, 'yama-relation'];
}

/** Some tests are of one kernel alone. The suite's count of cells says which kernels were run. */
const onStock = isStock ? describe : null;

// A start of Node takes seconds in QEMU: tests share the tracers, which none of them changes.
onStock?.('a tracer in a Landlock domain', () => {
  const program = compile('landlocked.c');
  let landlocked: ObedientProcess;
  beforeAll(async () => {
    landlocked = await ObedientProcess.startShared(USER, [program]);
    return () => landlocked.end();
  });

  it('is refused by the kernel, and Landlock is named as a possible reason', async () => {
    const { pid } = await target();
    const answer = await asked(landlocked, pid);
    expect(answer.answer).toBe('denied');
    expect(answer.refusedBy.toSorted()).toEqual(refusers('landlock').toSorted());
    expect(answer.steps.find(({ rule }) => rule === 'landlock')?.because).toContain('in a Landlock domain');
    expect(answer.confined).toBe('trial');
  });

  itAtOneScope(
    'that leaves no sign is refused too, and finds its domain by a trial',
    async () => {
      const { pid } = await target();
      const unseen = await ObedientProcess.start(USER, [program, '--with-new-privs']);
      const answer = await asked(unseen, pid);
      expect(answer).toMatchObject({ answer: 'denied', confined: 'trial' });
      expect(answer.refusedBy.toSorted()).toEqual(refusers('landlock').toSorted());
      expect(answer.undetectable).toEqual(isOpen ? ['landlock', 'bpf'] : expect.anything());
    },
    0,
  );

  it('may not read either, at any scope', async () => {
    const { pid } = await target();
    const answer = await asked(landlocked, pid, 'read');
    expect(answer).toMatchObject({ answer: 'denied', refusedBy: ['landlock'] });
  });

  it('may trace its own child, which is in the domain too', async () => {
    const answer = await asked(landlocked, await landlocked.call('startChild'));
    expect(answer.answer).toBe(scope === 2 || scope === 3 ? 'denied' : 'allowed');
    expect(answer.agrees).not.toBe(false);
  });

  it('of a target that opted out is refused by that, for certain', async () => {
    const closed = await target();
    await closed.setDumpable('disabled');
    expect(await asked(landlocked, closed.pid)).toMatchObject({
      answer: 'denied',
      refusedBy: ['dumpable'],
    });
  });
});

onStock?.('a tracer that this process has confined', () => {
  const program = compile('family.c');
  async function confined(): Promise<Family> {
    const child = spawnConfined(program, [], { stdio: ['pipe', 'pipe', 'inherit'], ...AS_USER });
    await child.report;
    return Family.start(child);
  }

  it('is refused by Landlock at each scope, and its domain is known', async () => {
    const [{ pid }, family] = [await target(), await confined()];
    for (const mode of ['attach', 'vm-read', 'getfd', 'mem', 'environ', 'read'] as const) {
      expect(explainSync(pid, { tracer: family.pid, mode })).toMatchObject({
        answer: 'denied',
        refusedBy: ['landlock'],
        confined: 'tracegate',
      });
    }
    expect(await family.reads(pid)).toBe('refused');
  });

  // Only BPF sees refusals.
  if (kernelName === 'qemu') {
    it('in a watch is refused at scope 0, 1, 2 and 3 by the rule landlock', async () => {
      const [{ pid }, family] = [await target(), await confined()];
      const watching = watch({ pid: family.pid });
      expect(watching.source.name).toBe('bpf');
      const answer = family.reads(pid);
      for await (const event of watching) {
        if (event.event !== 'access' || event.target.pid !== pid) continue;
        expect(event.outcome).toBe('refused');
        expect(event.pair.scopes.map(({ verdict, rule }) => `${verdict} ${rule}`)).toEqual(
          Array(4).fill('refused landlock'),
        );
        break;
      }
      expect(await answer).toBe('refused');
    });
  }
});

onStock?.('a tracer that AppArmor confines', () => {
  const RULES = 'file, /** rwlkmix, capability, network, signal,';
  const PROFILES = `profile tracegate-confined { ${RULES} }\nprofile tracegate-tracer { ${RULES} ptrace, }\n`;
  const confinedBy = (profile: string) => ['/usr/bin/aa-exec', '-p', profile, '--'];
  let confined: ObedientProcess;
  beforeAll(async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tracegate-profiles-')), 'profiles');
    writeFileSync(file, PROFILES);
    execFileSync('/usr/sbin/apparmor_parser', ['--replace', '--skip-cache', file]);
    confined = await ObedientProcess.startShared(USER, confinedBy('tracegate-confined'));
    return () => confined.end();
  });

  it('is refused by the kernel, and its label is the evidence', async () => {
    const { pid } = await target();
    const answer = await asked(confined, pid);
    expect(answer.answer).toBe('denied');
    expect(answer.refusedBy.toSorted()).toEqual(refusers('other-lsm').toSorted());
    expect(answer.steps.find(({ rule }) => rule === 'other-lsm')?.because).toContain(
      'apparmor: the tracer\'s label is "tracegate-confined (enforce)"',
    );
  });

  itAtOneScope(
    'with a ptrace rule in its profile is allowed, which only the kernel can answer',
    async () => {
      const { pid } = await target();
      const tracer = await ObedientProcess.start(USER, confinedBy('tracegate-tracer'));
      const answer = await asked(tracer, pid);
      expect(answer.answer).toBe(isOpen ? 'allowed' : 'denied');
      expect(answer.agrees).not.toBe(false);
      expect(answer.steps.find(({ rule }) => rule === 'other-lsm')?.outcome).toBe('unknown');
    },
    0,
  );

  itAtOneScope(
    'may be traced by an unconfined process',
    async () => {
      const answer = await asked(await ObedientProcess.start(), confined.pid);
      expect(answer.answer).toBe(isOpen ? 'allowed' : 'denied');
      expect(answer.agrees).not.toBe(false);
      expect(answer.refusedBy).not.toContain('other-lsm');
    },
    0,
  );
});
