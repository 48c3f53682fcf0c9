// @ts-check
// npm run test:arm64 [-- --scope 0,1]: the prebuilt files for linux-arm64 in Debian's arm64 kernel, at each ptrace_scope (in one
// boot). There run the scope suite, and the main calls of the packed package (test/arm64/main-calls.mjs) under the oldest
// and the newest Node, as root and as uid 1000. QEMU translates each instruction: this takes half an hour. Ends with the
// line `N passed, N failed, N skipped`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { zigCompilers } from '../build/zig/compilers.mjs';
import { NODES, prepareUserland } from './arm64/userland.mjs';
import { commitSeed } from './commit-seed.mjs';
import { packed, shellEnvironment } from './pack.mjs';
import { Totals } from './totals.mjs';

const { values } = parseArgs({ options: { scope: { type: 'string', default: '0,1,2,3' } } });
const scopes = values.scope.split(',').map(Number);
const root = join(import.meta.dirname, '..', '..');
const totals = new Totals();
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-arm64-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
chmodSync(scratch, 0o755);
// The copy in which the suite runs has no commit.
process.env.TRACEGATE_SEED = commitSeed();

/** The copy of the repository from which the package was packed, as if its programs had been built there. */
async function scopeSuite() {
  const copy = join(scratch, 'source');
  const release = join(copy, 'native', 'build', 'Release');
  cpSync(join(copy, 'prebuilds', 'linux-arm64'), release, { recursive: true });
  renameSync(join(release, 'tracegate.glibc.node'), join(release, 'tracegate.node'));
  // For the programs of the tests. node-gyp, too, takes the architecture from npm_config_arch.
  const compilers = zigCompilers(join(scratch, 'compilers'), 'aarch64-linux-gnu.2.36');
  Object.assign(process.env, compilers, { npm_config_arch: 'arm64' });
  const { ScopeSuite } = await import(join(copy, 'scripts', 'test', 'scopes', 'scope-suite.mjs'));
  const suite = await ScopeSuite.build(join(root, 'build', 'reports'));
  await suite.run({ kernel: 'arm64', scopes }, totals);
}

/** @param {string} tarball */
async function mainCalls(tarball) {
  const app = join(scratch, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"private":true}\n');
  execFileSync('npm', ['install', '--no-save', '--prefer-offline', tarball], {
    cwd: app,
    env: shellEnvironment,
    stdio: 'inherit',
  });
  for (const file of ['arm64/main-calls.mjs', 'fixtures/target.mjs'])
    cpSync(join(root, 'test', file), join(app, file.replace(/.*\//, '')));

  const script = `for node in ${NODES.join(' ')}; do for user in 0 1000; do
    echo "== scope $TRACEGATE_SCOPE, $node, uid $user"
    setpriv --reuid=$user --regid=$user --clear-groups $node main-calls.mjs
  done; done`;
  const options = ['--kernel', 'arm64', '--scope', scopes.join(','), '--timeout', '7200'];
  const lab = spawn(join(root, 'scripts', 'lab'), [...options, '--', 'sh', '-c', script], {
    cwd: app,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let where = '';
  const ended = once(lab, 'close');
  let complete = 0;
  for await (const line of createInterface({ input: lab.stdout })) {
    const [word = '', ...rest] = line.split(' ');
    if (word === '==') where = rest.join(' ');
    else if (word === 'ok') totals.passed += 1;
    else if (word === 'FAILED')
      totals.failures.push(`${where}: ${rest.join(' ').replaceAll(' | ', '\n    ')}`);
    else if (word === 'done') complete += 1;
    console.log(`main calls | ${word === '==' ? line : `${where}: ${line}`}`);
  }
  const [code] = await ended;
  const runs = scopes.length * NODES.length * 2;
  if (code !== 0 || complete !== runs)
    totals.failures.push(`main calls: ${complete} of ${runs} runs came to their end, exit code ${code}`);
}

prepareUserland();
const tarball = await packed(scratch, 'linux-arm64');
// It names a file of /etc, and the guest has an /etc of its own.
delete process.env.NODE_EXTRA_CA_CERTS;
// Of the tests' packages one has a part for each architecture, koffi, and the host's node_modules have another one's.
process.env.NODE_PATH = '/usr/lib/node_modules';
// In parallel: each guest keeps about one processor busy.
await Promise.all([scopeSuite(), mainCalls(tarball)]);
totals.close();
