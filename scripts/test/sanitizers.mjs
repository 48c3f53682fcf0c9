// @ts-check
// npm run test:sanitizers [test/integration/X.test.ts…]: the integration tests with the addon and the helper programs
// under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, in a copy of the repository.
//
// Node itself isn't instrumented, so each Node process gets the runtime by LD_PRELOAD: process.execPath and `node` are a
// launcher that sets it, since tests start Node with environments of their own. Nothing else inherits it.
//
// ASan's and LSan's reports go to files, and any file is a failure: for most of these processes no test looks at the
// exit code (of an orphan, for example) or at standard error. UBSan has no such file in GCC's libubsan beside ASan: it
// ends the process without an answer, and scripts/test/valgrind.mjs holds its standard error to be empty.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyRepository } from './copy-repository.mjs';
import { Totals } from './totals.mjs';

/** What can't be asked this way, and why. */
const EXCLUDED = new Map([
  ['package.test.ts', 'builds the package itself, without sanitizers'],
  ['load-failure.test.ts', 'builds the package itself, without sanitizers'],
  ['old-headers.test.ts', 'compiles the sources, and runs none'],
  ['permission.test.ts', 'the permission model refuses the launcher’s own preload'],
  ['diagnostic-files.test.ts', "is about Node's own options, one of which has it run out of memory"],
  ['lab.test.ts', "boots kernels, and runs none of the package's native code"],
  ['watch-service.test.ts', 'the same'],
  ['remediate-boot.test.ts', 'the same'],
  ['remediate.test.ts', 'the same; and is started again for every system call'],
  ['sysctl.test.ts', "runs other programs, and none of the package's native code"],
  ['audit-others.test.ts', 'the same'],
  ['audit-evidence.test.ts', 'the same'],
  ['systemd-units.test.ts', 'the same'],
  ['man.test.ts', 'the same'],
  ['fleet.test.ts', 'the same'],
  ['fleet-queries.test.ts', 'the same'],
  ['map.test.ts', 'computes from files, in JavaScript'],
  ['audit-trees.test.ts', 'the same'],
  ['map-fleet.test.ts', 'the same'],
  ['map-formats.test.ts', 'the same'],
  ['map-page.test.ts', 'the same, and starts a browser'],
  ['run.test.ts', "launches programs of all kinds, most without the sanitizers' runtime"],
  ['spawn-denied.test.ts', "launches programs without the sanitizers' runtime"],
  ['procctl.test.ts', 'the same'],
  ['spawn-debugger.test.ts', "has gcore read a Node process' whole memory, as channels.test.ts"],
  ['on-crash.test.ts', 'crashes on purpose, which the sanitizers would report'],
  ['channels.test.ts', "has gdb and gcore read a Node process' whole memory, as the demo's attacker below"],
  ['confine-ways.test.ts', 'the same; and the launched programs are without the sanitizers’ runtime'],
  [
    'demo.test.ts',
    "its attacker reads all of a Node process' writable memory, which here has 14 TB of shadow: `--plain` below asks the attacker",
  ],
]);

// ASan keeps freed blocks for a while, 150 MB of them in storm.test.ts: there is no bound on memory to hold.
const UNMEASURED = 'the bounds on resident memory (storm.test.ts, workers.test.ts, process-table.test.ts)';

/** Of files that are run: the start of a test's name, and why that test can't be asked this way. */
const LEFT_OUT = new Map([
  ['without /proc an allowing kernel is not enough', "LeakSanitizer finds a helper's threads in /proc"],
  ['where Node’s permission model allows to read', 'the permission model refuses the launcher’s own preload'],
  ['by (kill|trap) refuses each method', 'LeakSanitizer waits for ever for a ptrace that kills'],
  ['says nothing about a stranger, which may', 'the same'],
  ['traceme, without', 'the same'],
  [
    'a run holds it from before its first change',
    "goes by a program's system calls, of which the sanitizers make some",
  ],
  ['the helper of a probe has an empty environment', 'LeakSanitizer does not work under strace'],
  ['a worker may end while the end of its grant is told', 'preloads a library of its own'],
  ['an orphan outlives its parent', 'preloads a library of its own'],
  ['is exit code 2 with the pids and their command lines', 'the launcher changes the command line of Node'],
  [
    'root that has them only permitted, or no CAP_SETPCAP',
    'a part is without /proc, which the runtime needs',
  ],
  [
    'tracegate/confine confines a Node before',
    'goes by the options of Node, to which the launcher adds some',
  ],
  ['each refused probe is a line of the kernel log', "runs in the lab, without the sanitizers' runtime"],
  [
    'random trees .* in one kernel',
    'boots a kernel for the loaders, which the runtime of the sanitizers does not run in',
  ],
  ['random trees .* with a boot each', 'the same'],
]);

// LeakSanitizer stops its own process by ptrace.
const NO_PTRACE = /^(==.*(LeakSanitizer has encountered a fatal error|HINT: ).*\n)+$/;

/** A test whose process was ended by a report may wait for it: its file then ends after test/helpers/file-limit.ts' time. */
const LIMIT = 60 * 60_000;

const { positionals } = parseArgs({ allowPositionals: true });
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-sanitizers-'));
const copy = join(scratch, 'copy');
const reports = join(scratch, 'reports');
const launcher = join(scratch, 'bin', 'node');
const totals = new Totals();

const OPTIONS = [
  `log_path=${reports}/report`,
  'log_exe_name=1',
  // A test needs a core dump. By default the sanitizer leaves the shadow memory out of it.
  'disable_coredump=0',
  'detect_stack_use_after_return=1',
];
// V8 and Node free little at exit, so a leak of the addon would not stand out. storm.test.ts and workers.test.ts count
// the memory and the descriptors of the addon instead. The helper programs have no code but ours.
const NODE_OPTIONS_OF_ASAN = [...OPTIONS, 'detect_leaks=0'].join(':');
const PROGRAM_OPTIONS_OF_ASAN = [...OPTIONS, 'detect_leaks=1'].join(':');

/** @param {string} title @param {string[]} command @param {import('node:child_process').SpawnSyncOptions} [options] */
function run(title, [program = '', ...words], options) {
  console.log(`\n== ${title}`);
  const { status, signal, error } = spawnSync(program, words, { stdio: 'inherit', cwd: copy, ...options });
  if (status !== 0) console.error(`== ${title}: ${error?.message ?? signal ?? `exit code ${status}`}`);
  return status === 0;
}

function prepareCopy() {
  copyRepository(copy);
  // The helper programs run as other users too.
  chmodSync(scratch, 0o755);
  mkdirSync(reports);
  chmodSync(reports, 0o1777);
}

/** The helper programs are started with an empty environment: their options are linked in. */
function build() {
  const source = join(scratch, 'options.cc');
  const object = join(scratch, 'options.o');
  writeFileSync(
    source,
    `extern "C" const char* __asan_default_options() { return "${PROGRAM_OPTIONS_OF_ASAN}"; }
     extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }\n`,
  );
  const gyp = [
    'npm',
    'exec',
    '--',
    'node-gyp',
    'rebuild',
    '-C',
    'native',
    '--',
    '-Dsanitize=address,undefined',
  ];
  return (
    run('the options', ['g++', '-fPIC', '-c', source, '-o', object]) &&
    run('build', gyp, { env: { ...process.env, LDFLAGS: object } }) &&
    run('compile', ['npx', 'tsc', '-p', 'tsconfig.build.json']) &&
    run('validators', [process.execPath, 'scripts/build/validators.mjs']) &&
    run('page', [process.execPath, 'scripts/build/page.mjs']) &&
    run('bundle', [process.execPath, 'scripts/build/bundle.mjs'])
  );
}

/** @param {string} library */
const pathOf = library => execFileSync('g++', [`-print-file-name=${library}`], { encoding: 'utf8' }).trim();

function writeLauncher() {
  const preload = join(scratch, 'preload.cjs');
  writeFileSync(
    preload,
    `process.execPath = ${JSON.stringify(launcher)};
     process.memoryUsage.rss = () => 0; // UNMEASURED in scripts/test/sanitizers.mjs
     for (const name of ['LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS']) delete process.env[name];\n`,
  );
  mkdirSync(dirname(launcher));
  writeFileSync(
    launcher,
    `#!/bin/sh
export LD_PRELOAD='${pathOf('libasan.so')} ${pathOf('libubsan.so')}'
export ASAN_OPTIONS='${NODE_OPTIONS_OF_ASAN}' UBSAN_OPTIONS=print_stacktrace=1
exec '${process.execPath}' --require '${preload}' "$@"\n`,
    { mode: 0o755 },
  );
}

/** @returns {string[]} */
function testFiles() {
  if (positionals.length > 0) return positionals;
  const files = readdirSync(join(copy, 'test/integration')).filter(name => name.endsWith('.test.ts'));
  for (const name of files.filter(file => EXCLUDED.has(file)))
    totals.skipped.push(`${name}: ${EXCLUDED.get(name)}`);
  return files.filter(name => !EXCLUDED.has(name)).map(name => `test/integration/${name}`);
}

function testAddon() {
  const file = join(scratch, 'report.json');
  const vitest = [
    launcher,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'integration',
    ...testFiles(),
    '--testNamePattern',
    `^(?!.*(${[...LEFT_OUT.keys()].join('|')}))`,
  ];
  for (const [name, why] of LEFT_OUT) console.log(`skipped '${name} …': ${why}`);
  const reporting = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const env = { ...process.env, PATH: `${dirname(launcher)}:${process.env.PATH}` };
  const isGood = run('integration', [...vitest, ...reporting], { env, timeout: LIMIT });
  totals.addReport('integration', file, isGood);
  countLeftOut(file);
}

/** A test that got another name would be run, and one that is gone would still be excused. @param {string} file */
function countLeftOut(file) {
  if (!existsSync(file)) return;
  /** @type {{ testResults: { assertionResults: { fullName: string }[] }[] }} */
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const names = report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(one => one.fullName),
  );
  for (const left of LEFT_OUT.keys())
    if (!names.some(name => new RegExp(left).test(name)))
      totals.failures.push(`no test is named '${left} …'`);
}

/** The programs by themselves: every command of theirs, with LeakSanitizer at their end. */
function testPrograms() {
  const title = 'the helper programs';
  if (run(title, [process.execPath, 'scripts/test/valgrind.mjs', '--plain'])) totals.passed += 1;
  else totals.failures.push(title);
}

function countReports() {
  const names = readdirSync(reports);
  for (const name of names) totals.failures.push(`${name}\n${readFileSync(join(reports, name), 'utf8')}`);
  console.log(`\n${names.length} sanitizer reports`);
}

/** Where a test's seccomp filter refuses ptrace, a helper's leaks can't be looked for; testPrograms() looks without one. */
function setFilteredApart() {
  for (const name of readdirSync(reports)) {
    if (!NO_PTRACE.test(readFileSync(join(reports, name), 'utf8').trimEnd().concat('\n'))) continue;
    rmSync(join(reports, name));
    totals.skipped.push(`the leak check of ${name}: ptrace is refused to it, as seccomp.test.ts does`);
  }
}

prepareCopy();
try {
  if (build()) {
    writeLauncher();
    totals.skipped.push(`${UNMEASURED}: AddressSanitizer keeps what is freed`);
    testAddon();
    setFilteredApart();
    testPrograms();
    countReports();
  } else {
    totals.failures.push('build');
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
totals.close();
