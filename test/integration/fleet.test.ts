// The formats of `tracegate audit` by their own validators, and integrations/ by the programs that they are for: promtool,
// node_exporter, ansible-playbook, systemd-analyze.
import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditReport } from '../../lib/index.js';
import { MAIN, tracegate } from '../helpers/cli.js';
import { ROOT } from '../helpers/processes.js';
import { type Files, rootTree, SYSTEMD } from '../helpers/root-tree.js';

const KEY = 'kernel.yama.ptrace_scope';
const OWN = 'etc/sysctl.d/99-tracegate-ptrace-scope.conf';
const INTEGRATIONS = join(ROOT, 'integrations');
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

async function written(format: string, files: Files = WEAK): Promise<string> {
  const file = join(temporary(), `audit.${format}`);
  const run = await tracegate(['audit', '--root', rootTree(files), '--format', format, '--output', file]);
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

/** The SARIF SDK's own validator. Its package leaves it without the mode to execute it where install scripts are off. */
function multitool(...words: string[]) {
  const program = join(ROOT, 'node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool');
  if ((statSync(program).mode & 0o111) !== 0o111) chmodSync(program, 0o755);
  return output(program, ...words);
}

/** By OASIS' schema, and by the SDK's validator, which says nothing at all of a log that it can't read. */
function sarifFaults(log: unknown): string[] {
  const schema = join(ROOT, 'node_modules/@microsoft/sarif-multitool-linux/sarif-2.1.0.json');
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.validate(JSON.parse(readFileSync(schema, 'utf8')), log);
  const directory = temporary();
  const [file, found] = [join(directory, 'log.sarif'), join(directory, 'validation.sarif')];
  writeFileSync(file, JSON.stringify(log));
  expect(multitool('validate', file, '--output', found)).toMatchObject({ status: 0 });
  const { results } = JSON.parse(readFileSync(found, 'utf8')).runs[0] as { results: { ruleId: string }[] };
  return [
    ...(ajv.errors ?? []).map(({ instancePath }) => instancePath),
    ...results.map(({ ruleId }) => ruleId),
  ];
}

describe('SARIF', () => {
  it('is valid, with file and line', async () => {
    const log = JSON.parse(readFileSync(await written('sarif'), 'utf8'));
    // It wants an informationUri, and the package has no site.
    expect(sarifFaults(log)).toEqual(['SARIF2005']);
    const { results } = log.runs[0];
    expect(
      results.find(({ ruleId }: { ruleId: string }) => ruleId === 'next-boot-systemd-sysctl'),
    ).toMatchObject({
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

  it('and what is wrong with one is found', async () => {
    const log = JSON.parse(readFileSync(await written('sarif'), 'utf8'));
    const { results } = log.runs[0];
    results[0].ruleIndex = 99;
    expect(sarifFaults(log)).toContain('SARIF1009');
    results[0].level = 'catastrophe';
    expect(sarifFaults(log)).toContain('/runs/0/results/0/level');
  });
});

it('JUnit: well-formed by xmllint, and junitparser counts what it says', async () => {
  const file = await written('junit');
  expect(output('xmllint', '--noout', file)).toMatchObject({ status: 0, stderr: '' });
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
  it('promtool has nothing to say of the metrics', async () => {
    const file = await written('prometheus');
    const check = ran('promtool', ['check', 'metrics'], { input: readFileSync(file) });
    expect(check).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(file, '..'))).toEqual(['audit.prometheus']);
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
    expect(scraped).toMatch(/^tracegate_ptrace_scope\{loader="procps",profile="cis",when="next_boot"\} 2$/m);
    expect(scraped).toMatch(/^tracegate_audit\{profile="cis",verdict="fail"\} 1$/m);
  });

  it('the alert rules are sound, and fire when they should', () => {
    const directory = join(INTEGRATIONS, 'prometheus');
    expect(output('promtool', 'check', 'rules', join(directory, 'tracegate.rules.yml'))).toMatchObject({
      status: 0,
    });
    const test = ran('promtool', ['test', 'rules', 'tracegate.rules.cases.yml'], { cwd: directory });
    expect(test).toMatchObject({ status: 0, stdout: expect.stringContaining('SUCCESS') });
  });

  it('each metric and label of the rules and the dashboard is one that there is', async () => {
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

  /** One run of the role on a tree: what it counts, and says. */
  function played(root: string, variables: object, ...options: string[]) {
    const directory = temporary();
    const playbook = join(directory, 'play.yml');
    const vars = { tracegate_command: [process.execPath, MAIN], tracegate_root: root, ...variables };
    const show = { name: 'told', debug: { msg: 'verdict={{ tracegate_audit.verdict }}' } };
    writeFileSync(
      playbook,
      JSON.stringify([
        { hosts: 'all', gather_facts: false, roles: [{ role: ROLE, vars }], post_tasks: [show] },
      ]),
    );
    const env = {
      PATH: process.env.PATH,
      HOME: directory,
      LC_ALL: 'C.UTF-8',
      ANSIBLE_ROLES_PATH: join(INTEGRATIONS, 'ansible/roles'),
      ANSIBLE_LOCALHOST_WARNING: 'false',
      ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
    };
    const words = ['-i', 'localhost,', '-c', 'local', playbook, ...options];
    const { status, stdout, stderr } = ran('ansible-playbook', words, { env });
    const count = (name: string) =>
      Number(new RegExp(`localhost.*\\b${name}=(\\d+)`).exec(stdout)?.[1] ?? Number.NaN);
    return { status, said: `${stdout}${stderr}`, changed: count('changed'), failed: count('failed') };
  }

  it('--check shows each file and changes none; then it is set; and a second run changes nothing', () => {
    // In the plan a character is a byte, and in the diff it is one.
    const latin1 = (text: string) => Buffer.from(text).toString('latin1');
    const root = rootTree({ ...WEAK, '/etc/sysctl.conf': latin1(`${KEY}=2\n# café\n`) });
    const before = readdirSync(join(root, 'etc/sysctl.d'));
    const checked = played(root, { tracegate_scope: 1, tracegate_weaker_i_know: true }, '--check', '--diff');
    expect(checked).toMatchObject({ status: 0, failed: 0, changed: 1 });
    expect(checked.said).toContain(`+++ after: /${OWN} (sets 1 for both loaders)\n@@ -0,0 +1,3 @@\n`);
    expect(checked.said).toMatch(/^\+kernel\.yama\.ptrace_scope = 1$/m);
    expect(checked.said).toMatch(
      /^-kernel\.yama\.ptrace_scope=2\n\+# kernel\.yama\.ptrace_scope=2 # by tracegate remediate\n # café$/m,
    );
    expect(readdirSync(join(root, 'etc/sysctl.d'))).toEqual(before);
    expect(played(root, { tracegate_scope: 1, tracegate_weaker_i_know: true })).toMatchObject({
      status: 0,
      failed: 0,
      changed: 1,
      said: expect.stringContaining('verdict=pass'),
    });
    expect(readFileSync(join(root, OWN), 'utf8')).toContain(`${KEY} = 1`);
    expect(played(root, { tracegate_scope: 1 })).toMatchObject({ status: 0, failed: 0, changed: 0 });
  });

  it('a consent that is missing fails it with the command’s own words, and changes nothing', () => {
    const root = rootTree(WEAK);
    expect(played(root, { tracegate_scope: 3 })).toMatchObject({
      status: 2,
      failed: 1,
      changed: 0,
      said: expect.stringMatching(/"msg": "tracegate: not done: 3 holds until the next boot/),
    });
    expect(existsSync(join(root, OWN))).toBe(false);
  });

  it('and --check tells so beforehand, with the variable’s name; with it all is well', () => {
    const root = rootTree(WEAK);
    expect(played(root, { tracegate_scope: 3 }, '--check')).toMatchObject({
      status: 2,
      failed: 1,
      changed: 0,
      said: expect.stringContaining('it would be refused without tracegate_until_reboot_i_know: true'),
    });
    const consenting = { tracegate_scope: 3, tracegate_until_reboot_i_know: true };
    expect(played(root, consenting, '--check')).toMatchObject({ status: 0, changed: 1 });
    expect(existsSync(join(root, OWN))).toBe(false);
    expect(played(root, consenting)).toMatchObject({ status: 0, changed: 1 });
    expect(readFileSync(join(root, OWN), 'utf8')).toContain(`${KEY} = 3`);
  });

  if (!existsSync('/proc/sys/kernel/yama'))
    it('without Yama it fails with the command’s own words, and --check does', () => {
      expect(played('/', { tracegate_scope: 1 }, '--check')).toMatchObject({
        status: 2,
        failed: 1,
        changed: 0,
        said: expect.stringContaining('this kernel runs without Yama'),
      });
    });

  it('without a scope it looks only, and a finding fails it with its reason', () => {
    const root = rootTree(WEAK);
    expect(played(root, {})).toMatchObject({
      status: 2,
      changed: 0,
      said: expect.stringMatching(/fail: weaker than 1 or stricter \(\/etc\/sysctl\.d\/60-x\.conf:2\)/),
    });
    expect(played(root, { tracegate_must_pass: false })).toMatchObject({
      status: 0,
      changed: 0,
      said: expect.stringContaining('verdict=fail'),
    });
  });

  it('an unknown profile fails it with the command’s own words', () => {
    expect(played(rootTree(WEAK), { tracegate_profile: 'cos' })).toMatchObject({
      status: 2,
      failed: 1,
      said: expect.stringContaining('profile must be one of'),
    });
  });
});

it('systemd-analyze has nothing to say of the units', () => {
  const directory = temporary();
  mkdirSync(join(directory, 'bin'));
  const units = readdirSync(join(INTEGRATIONS, 'systemd')).map(name => join(INTEGRATIONS, 'systemd', name));
  expect(units).toHaveLength(3);
  const { status, stderr } = output('systemd-analyze', 'verify', ...units);
  // The command is not installed here.
  const said = stderr
    .split('\n')
    .filter(
      line =>
        line !== '' &&
        !/tracegate-audit\.service: Command \/usr\/bin\/tracegate is not executable/.test(line),
    );
  expect({ said, status: status === 0 || said.length === 0 }).toEqual({ said: [], status: true });
});

it('--output that can not be written is one line, names it, and leaves nothing', async () => {
  const directory = temporary();
  const run = await tracegate(['audit', '--root', rootTree(WEAK), '--output', join(directory, 'no/such')]);
  expect(run).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringMatching(/^tracegate: --output ".*no\/such": ENOENT.*\n$/),
  });
  expect(readdirSync(directory)).toEqual([]);
});

it('--output to a device is written there, and a link’s file is replaced, not the link', async () => {
  const root = rootTree(WEAK);
  const ask = ['audit', '--root', root, '--json', '--output'];
  // A pipe: Node's own are sockets, which can't be opened again.
  const piped = output('sh', '-c', '"$@" | cat', 'sh', process.execPath, MAIN, ...ask, '/dev/stdout');
  expect(piped.stdout).toMatch(/^\{"schemaVersion":1/);
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

it('--output over a private file is readable by everybody, and its old owner is not asked for', async () => {
  const file = join(temporary(), 'audit.prom');
  writeFileSync(file, 'old', { mode: 0o600 });
  const old = statSync(file).ino;
  await tracegate(['audit', '--root', rootTree(WEAK), '--format', 'prometheus', '--output', file]);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect(statSync(file)).not.toMatchObject({ ino: old });
});

/** One that fails says so, by its exit code. */
const WRITER = `const { writePublicly } = await import(process.argv[1]);
for (let round = 0; round < 100; round++) writePublicly(process.argv[2], process.argv[3].repeat(200_000));`;

it('several may write it at once: none fails, and whoever reads sees one of theirs, whole', async () => {
  const directory = temporary();
  const file = join(directory, 'audit.prom');
  writeFileSync(file, 'a'.repeat(200_000));
  const words = ['--input-type=module', '-e', WRITER, join(ROOT, 'dist/audit/file-replacement.js'), file];
  const writers = ['a', 'b'].map(letter =>
    spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, ...words, letter], { stdio: 'inherit' }),
  );
  const ends = Promise.all(writers.map(writer => once(writer, 'close')));
  let isDone = false;
  void ends.then(() => {
    isDone = true;
  });
  const seen = new Set<string>();
  while (!isDone) {
    const text = readFileSync(file, 'utf8');
    seen.add(`${text[0]} ${text === (text[0] ?? '').repeat(200_000)}`);
    await new Promise(setImmediate);
  }
  expect(await ends).toEqual([
    [0, null],
    [0, null],
  ]);
  expect([...seen].sort()).toEqual(['a true', 'b true']);
  expect(readdirSync(directory)).toEqual(['audit.prom']);
});

it('a report is whole for who reads while it is written anew', async () => {
  const file = join(temporary(), 'audit.json');
  const root = rootTree(WEAK);
  const write = () => tracegate(['audit', '--root', root, '--json', '--output', file]);
  await write();
  let isDone = false;
  const writing = (async () => {
    for (let round = 0; round < 5; round++) await write();
    isDone = true;
  })();
  let reads = 0;
  while (!isDone) {
    expect((JSON.parse(readFileSync(file, 'utf8')) as AuditReport).verdict).toBe('fail');
    reads += 1;
    await new Promise(setImmediate);
  }
  await writing;
  expect(reads).toBeGreaterThan(10);
});
