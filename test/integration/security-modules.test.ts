// The security modules that run, without securityfs. The oracle is securityfs, mounted privately.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { SecurityModules } from '../../lib/kernel/security-modules.js';
import { compile } from '../helpers/compile.js';
import { IS_ROOT, MODULES } from '../helpers/processes.js';

/** arch/x86/entry/syscalls/syscall_64.tbl */
const [LSM_LIST_MODULES, LANDLOCK_CREATE_RULESET] = [461, 444];

/** The modules, other than Landlock, that have rules for tracing and can be seen. */
const LABELLING = ['apparmor', 'selinux', 'smack'];

const SCRIPT = `import { readSecurityModules } from '${MODULES}/kernel/security-modules.js';
  console.log(JSON.stringify(readSecurityModules()));`;
const SAID = [process.execPath, '--input-type=module', '-e', SCRIPT];

const DIRECTORY = '/sys/kernel/security';
const WITHOUT = `umount ${DIRECTORY} 2>/dev/null; exec "$@"`;
const MASKED = `mount -t tmpfs none ${DIRECTORY} && : > ${DIRECTORY}/lsm && exec "$@"`;

const inMountNamespace = (script: string, program: readonly string[]): string =>
  execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...program], { encoding: 'utf8' }).trim();

const said = (script: string, program: readonly string[] = SAID): SecurityModules =>
  JSON.parse(inMountNamespace(script, program));

describe.runIf(IS_ROOT)('without securityfs', () => {
  const listed = inMountNamespace(`mount -t securityfs none ${DIRECTORY}; cat ${DIRECTORY}/lsm`, []).split(
    ',',
  );
  const notListed = (names: readonly string[]) => names.filter(name => !listed.includes(name));

  it.each([
    ['that is not mounted', WITHOUT],
    ['behind an empty file', MASKED],
  ])('the kernel lists them by lsm_list_modules(2), or each is looked for: %s', (_, script) => {
    const { lsms, lsmsRuledOut } = said(script);
    if (lsms !== null) return expect([lsms, lsmsRuledOut]).toEqual([listed, []]);
    expect(lsmsRuledOut).toEqual(notListed([...LABELLING, 'landlock']));
  });

  // 0 would say that none runs.
  describe.each(['0', '1', '38', 'kill'])('and where a filter answers with %s', answer => {
    const filtered = (...calls: number[]) =>
      said(WITHOUT, [compile('filtered.c'), answer, calls.join(','), ...SAID]);

    it('in place of that call, each module is looked for by itself', () => {
      const { lsms, lsmsRuledOut } = filtered(LSM_LIST_MODULES);
      expect(lsms).toBeNull();
      expect(lsmsRuledOut.filter(name => name !== 'landlock')).toEqual(notListed(LABELLING));
      expect(lsmsRuledOut.filter(name => listed.includes(name))).toEqual([]);
    });

    it('in place of the calls of Landlock too, Landlock is not ruled out', () => {
      const { lsms, lsmsRuledOut } = filtered(LSM_LIST_MODULES, LANDLOCK_CREATE_RULESET);
      expect([lsms, lsmsRuledOut]).toEqual([null, notListed(LABELLING)]);
    });
  });
});

describe('the number of its own Landlock domains', () => {
  const OWN = `import { ownLandlockDomains } from '${MODULES}/kernel/security-modules.js';
    import { readFileSync } from 'node:fs';
    const privs = () => /^NoNewPrivs:.*$/m.exec(readFileSync('/proc/self/status', 'utf8'))[0];
    const before = privs();
    const counts = [ownLandlockDomains(), ownLandlockDomains()];
    console.log(JSON.stringify([...counts, before === privs()]));`;
  const [CREATE, ADD, RESTRICT] = [444, 445, 446];
  const within = (...before: string[]) => {
    const [program = '', ...words] = [...before, process.execPath, '--input-type=module', '-e', OWN];
    return JSON.parse(execFileSync(program, words, { encoding: 'utf8' }));
  };

  it.each([0, 1, 2, 15, 16])('is told to a program in %i, and the trial changes nothing of it', count => {
    const program = compile('landlocked.c');
    expect(within(...Array(count).fill(program))).toEqual([count, count, true]);
  });

  it.each(['0', '1', '38', 'kill'])(
    'is unknown where a filter answers a call of Landlock with %s',
    answer => {
      // Without its rule a domain is entered all the same.
      for (const call of answer === '0' ? [CREATE, RESTRICT] : [CREATE, ADD, RESTRICT])
        expect(within(compile('filtered.c'), answer, `${call}`)).toEqual([null, null, true]);
    },
  );
});
