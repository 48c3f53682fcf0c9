// Options by which Node writes files that denyTracing() can't take back: Node does write them, and the report says so.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { ChannelName, DenyOptions, DenyReport } from '../../lib/index.js';
import { AS_USER, DIST, PUBLIC_DIST } from '../helpers/processes.js';

const CONNECT = `
  const psk = { psk: Buffer.alloc(32, 1), identity: 'a' };
  const tls = await import('node:tls');
  const server = tls.createServer({ pskCallback: () => psk.psk, ciphers: 'PSK', maxVersion: 'TLSv1.2' });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const options = { port: server.address().port, host: '127.0.0.1', pskCallback: () => psk, ciphers: 'PSK', maxVersion: 'TLSv1.2', checkServerIdentity: () => undefined };
  await new Promise((done, fail) => tls.connect(options, done).on('error', fail));
  process.exit();`;
const ALLOCATE = 'const all = []; for (;;) all.push(new Array(1e5).fill(all.length));';
const COMPUTE =
  'let sum = 0; const add = at => { sum += at; }; for (let at = 0; at < 1e7; at++) add(at); add("");';

interface Run {
  report: DenyReport;
  files: string[];
}

/** What denyTracing() says under these options, and the files that are there in the end. */
function run(words: string[], then: string, env: NodeJS.ProcessEnv = {}, options: DenyOptions = {}): Run {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-files-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const script = `import { denyTracing } from '${DIST}/index.js';
    import { writeSync } from 'node:fs';
    const report = await denyTracing(${JSON.stringify({ policy: 'warn', verify: false, ...options })});
    writeSync(1, JSON.stringify({ pid: process.pid, report }) + '\\n');
    ${then}`;
  const said = (() => {
    try {
      return execFileSync(process.execPath, [...words, '--input-type=module', '-e', script], {
        cwd: directory,
        env: { PATH: process.env.PATH, ...env },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    } catch (error) {
      // It ran out of memory, as it should.
      return (error as { stdout: string }).stdout;
    }
  })();
  const { pid, report } = JSON.parse(said.split('\n').find(line => line.startsWith('{')) ?? '');
  const map = `perf-${pid}.map`;
  const maps = readdirSync(tmpdir()).filter(name => name === map);
  for (const name of maps) rmSync(join(tmpdir(), name));
  return { report, files: [...readdirSync(directory), ...maps] };
}

it.each<[string[], string, ChannelName, RegExp]>([
  [['--tls-keylog=keys'], CONNECT, 'diagnostic-files', /^keys$/],
  [['--trace-event-categories=v8'], '', 'diagnostic-files', /^node_trace\.1\.log$/],
  [['--prof'], '', 'diagnostic-files', /^isolate-.*\.log$/],
  [['--log-code'], '', 'diagnostic-files', /^isolate-.*\.log$/],
  [['--perf-basic-prof'], '', 'diagnostic-files', /^perf-\d+\.map$/],
  [['--perf-prof'], '', 'diagnostic-files', /^jit-\d+\.dump$/],
  [['--redirect-code-traces', '--trace-deopt'], COMPUTE, 'diagnostic-files', /^code-\d+-.*\.asm$/],
  [['--trace-turbo'], COMPUTE, 'diagnostic-files', /^turbo-.*\.(cfg|json)$/],
  [
    ['--heapsnapshot-near-heap-limit=1', '--max-old-space-size=30'],
    ALLOCATE,
    'heap-snapshots',
    /^Heap\..*\.heapsnapshot$/,
  ],
])('%j: is written, and reported as open', (words, then, channel, file) => {
  const { report, files } = run(words, then);
  expect(report.closed).not.toContain(channel);
  expect(report.open).toMatchObject([{ channel, why: expect.stringContaining(`${words[0]} writes `) }]);
  expect(files.filter(name => file.test(name))).not.toEqual([]);
});

it.each<[string[], string]>([
  [['--report-on-fatalerror', '--max-old-space-size=30'], ALLOCATE],
  [['--report-uncaught-exception'], "throw new Error('uncaught');"],
])('%j: no report is written after denyTracing(), and one without', (words, then) => {
  const isReport = (name: string) => /^report\..*\.json$/.test(name);
  expect(run(words, then, {}, { channels: { reports: false } }).files.filter(isReport)).toHaveLength(1);
  const { report, files } = run(words, then);
  expect(report.closed).toContain('reports');
  expect(files.filter(isReport)).toEqual([]);
});

it('options from NODE_OPTIONS count even after the program has removed the variable', () => {
  const script = (take: string) => `${take}
    const { denyTracing } = await import('${PUBLIC_DIST}/index.js');
    console.log(JSON.stringify((await denyTracing({ policy: 'warn', verify: false })).open));`;
  const open = (take: string, NODE_OPTIONS: string) =>
    JSON.parse(
      execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script(take)], {
        env: { PATH: process.env.PATH, NODE_OPTIONS },
        encoding: 'utf8',
        ...AS_USER,
      }),
    );
  expect(open('delete process.env.NODE_OPTIONS;', '--tls-keylog=/dev/null')).toMatchObject([
    { channel: 'diagnostic-files' },
  ]);
  // It is for children.
  expect(open("process.env.NODE_OPTIONS = '--tls-keylog=keys';", '--no-warnings')).toEqual([]);
});

it('an option that only names functions opens nothing, and without options nothing is written', () => {
  const { report, files } = run(['--cpu-prof'], '');
  expect(report.open).toEqual([]);
  expect(files).toEqual([expect.stringMatching(/\.cpuprofile$/)]);
  expect(run([], '').files).toEqual([]);
});
