// The tarball, and an installation from it.
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyRepository } from '../../scripts/test/copy-repository.mjs';
import { ROOT, sleeper } from '../helpers/processes.js';

const run = promisify(execFile);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

// The environment of a shell: under `npm test`, npm would mistake this repository for the consumer's.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local_prefix)/.test(name)),
);

const scratch = mkdtempSync(join(tmpdir(), 'tracegate-package-'));
const source = join(scratch, 'source');
const consumer = join(scratch, 'consumer');
const installed = join(consumer, 'node_modules/tracegate');
afterAll(() => rmSync(scratch, { recursive: true }));

/** Packed from a copy: `prepack` writes dist/, which other tests are using. */
async function pack(): Promise<string> {
  copyRepository(source);
  await run('npm', ['pack', '--pack-destination', scratch], { cwd: source, env });
  return join(scratch, `tracegate-${manifest.version}.tgz`);
}

let packed: string[] = [];
let installation = '';

beforeAll(async () => {
  const tarball = await pack();
  execFileSync('tar', ['-xzf', tarball, '-C', scratch]);
  packed = readdirSync(join(scratch, 'package'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(join(scratch, 'package/').length));

  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{"name":"consumer","private":true}');
  const { stdout, stderr } = await run('npm', ['install', '--prefer-offline', tarball], {
    cwd: consumer,
    env,
  });
  installation = stdout + stderr;
  // Without prebuilds/: scripts/test/install.mjs has them. The question is whether it compiles, and not how fast it
  // runs: -O0 takes half the time.
  await run(process.execPath, [join(installed, 'scripts/build/native.mjs')], {
    cwd: consumer,
    env: { ...env, CXXFLAGS: '-O0' },
  });
});

/** What the files of the entry points and programs share. */
const CHUNK = /^dist\/((lib|cli)-[\w-]+|fastest-levenshtein|tinyglobby)\.cjs$/;

describe('the tarball', () => {
  it('holds what package.json lists and nothing else', () => {
    const allowed = [...manifest.files, 'package.json'];
    const others = packed.filter(file => !allowed.some(name => file === name || file.startsWith(`${name}/`)));
    expect(others).toEqual([]);
    expect(packed).toEqual(
      expect.arrayContaining([
        'native/binding.gyp',
        'dist/index.js',
        'dist/types/index.d.ts',
        'native/addon/addon.cc',
      ]),
    );
  });

  it('holds no tests and no files that were built for this machine', () => {
    expect(
      packed.filter(file =>
        /^(test|build|native\/build)\/|(^|\/)node_modules\/|\.test\.|\.(node|o|tgz|log)$/.test(file),
      ),
    ).toEqual([]);
    const isElf = (file: string) =>
      readFileSync(join(scratch, 'package', file))
        .subarray(0, 4)
        .equals(Buffer.from('\x7fELF'));
    expect(packed.filter(isElf)).toEqual([]);
  });

  it('has no declaration without its source: dist/ is fresh', () => {
    const declarations = packed.filter(file => /^dist\/types(-cjs)?\/.*\.d\.ts$/.test(file));
    const sourceOf = (file: string) => file.replace(/^dist\/[^/]+\//, 'lib/').replace(/\.d\.ts$/, '.ts');
    expect(declarations.filter(file => !existsSync(join(source, sourceOf(file))))).toEqual([]);
  });

  it('has a file for each target of package.json, and beside them what is started and the chunks alone', () => {
    const targets: string[] = JSON.stringify([manifest.exports, manifest.bin]).match(/dist\/[\w./-]+/g) ?? [];
    expect(targets.filter(target => !packed.includes(target))).toEqual([]);
    const others = packed.filter(file => /^dist\/[^/]+$/.test(file) && !targets.includes(file));
    expect(others.filter(file => !CHUNK.test(file)).sort()).toEqual(
      ['LICENSES.txt', 'cli.cjs', 'validators.js', 'victim.cjs'].map(name => `dist/${name}`),
    );
  });

  it('has the licence of each package whose code it holds', () => {
    const chunks = packed.filter(file => CHUNK.test(file));
    const text = chunks.map(file => readFileSync(join(scratch, 'package', file), 'utf8')).join('\n');
    const held: string[] = text.match(/^\/\/ node_modules\/[^\s]+/gm) ?? [];
    const packages = new Set(held.map(line => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(line)?.[1]));
    expect(packages.size).toBeGreaterThan(2);
    const licences = readFileSync(join(scratch, 'package/dist/LICENSES.txt'), 'utf8').split('-'.repeat(80));
    const named = licences.map(licence => licence.trim().split('\n')[0]);
    expect(named).toEqual([...packages.add('d3-hierarchy')].sort());
  });

  it('names no directory of this machine', () => {
    // Every machine has a /root/.
    const names = [ROOT, scratch, ...(homedir() === '/root' ? [] : [homedir()])];
    const telling = packed.filter(file => {
      const text = readFileSync(join(scratch, 'package', file), 'latin1');
      return names.some(name => text.includes(name));
    });
    expect(telling).toEqual([]);
  });
});

it.each([
  ['publint', '--strict'],
  ['attw', '--profile=node16'],
])('%s finds nothing in it: its exit code is 0', async (program, option) => {
  const tool = join(ROOT, 'node_modules/.bin', program);
  await run(tool, [join(scratch, `tracegate-${manifest.version}.tgz`), option]);
});

describe('installed elsewhere', () => {
  it('is built there, without tests and without development dependencies', () => {
    expect(installation).toMatch(/added \d+ packages/);
    for (const file of [
      'tracegate.node',
      'tracegate-helper',
      'tracegate-attacker',
      'tracegate-launch',
      'tracegate-preload.so',
      'tracegate-tree.so',
    ]) {
      expect(existsSync(join(installed, 'native/build/Release', file))).toBe(true);
    }
    const modules = readdirSync(join(consumer, 'node_modules')).filter(name => !name.startsWith('.'));
    expect(modules).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(modules.filter(name => name in manifest.devDependencies)).toEqual([]);
  });

  const USE = `const answer = tracegate.probeSync(process.ppid, { as: 'stranger' });
    console.log(JSON.stringify([tracegate.getDumpable(), answer.pid, answer.outcome, Object.keys(tracegate)]))`;
  const asModule = ['--input-type=module', '-e', `import * as tracegate from 'tracegate'; ${USE}`];
  const asScript = ['--input-type=commonjs', '-e', `const tracegate = require('tracegate'); ${USE}`];

  it('works by import and by require, alike', async () => {
    const { stdout } = await run(process.execPath, asModule, { cwd: consumer });
    const [dumpable, pid, outcome] = JSON.parse(stdout);
    expect([dumpable, pid]).toEqual(['user', process.pid]);
    expect(outcome).toMatch(/^(allowed|denied)$/);
    const required = await run(process.execPath, asScript, { cwd: consumer });
    expect(JSON.parse(required.stdout).slice(0, 3)).toEqual([dumpable, pid, outcome]);
    expect(JSON.parse(required.stdout)[3].sort()).toEqual(JSON.parse(stdout)[3]);
  });

  it('works by require where Node can not require a module (Node 22.0 to 22.11)', async () => {
    const old = ['--no-experimental-require-module', ...asScript];
    const { stdout } = await run(process.execPath, old, { cwd: consumer });
    expect(JSON.parse(stdout)[0]).toBe('user');
  });

  it('has one state, whichever way and by whichever entry point it is loaded', async () => {
    const program = `import { createRequire } from 'node:module';
      import { SyscallError, denyTracing, getDumpable } from 'tracegate';
      import { allowDebugger } from 'tracegate/debugger';
      const required = createRequire(process.cwd() + '/')('tracegate');
      await denyTracing({ verify: false });
      required.allowTracing();
      const error = await allowDebugger(2 ** 22 + 1).catch(error => error);
      console.log(getDumpable(), required.SyscallError === SyscallError, error instanceof required.SyscallError);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: consumer });
    expect(stdout).toBe('user true true\n');
  });

  it('loads no chunk but those that closing takes', async () => {
    const program = `import 'tracegate'; import { createRequire } from 'node:module';
      const loaded = Object.keys(createRequire(process.cwd() + '/').cache).filter(path => /tracegate.dist/.test(path));
      console.log(loaded.map(path => path.replace(/.*dist./, '')).sort().join(' '))`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: consumer });
    // index.js, an ES module, isn't in the cache.
    expect(stdout).toBe('index.cjs lib-core.cjs lib-deny.cjs lib-rolldown-runtime.cjs\n');
  });

  it('has exactly these entry points and values', async () => {
    const entryPoints = Object.keys(manifest.exports).filter(
      path => !/[*]|json|deny|confine|grants/.test(path),
    );
    const program = `const exported = {};
      for (const path of ${JSON.stringify(entryPoints)})
        exported[path] = Object.keys(await import(path.replace('.', 'tracegate'))).sort();
      console.log(JSON.stringify(exported));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: consumer });
    expect(JSON.parse(stdout)).toEqual({
      '.': [
        ...[
          'SyscallError',
          'TracegateError',
          'allowTracing',
          'denyTracing',
          'explain',
          'getDumpable',
          'probe',
        ],
        ...[
          'probeSync',
          'readPtraceScope',
          'setDumpable',
          'setPtracer',
          'spawnConfined',
          'spawnDenied',
          'traceStatus',
          'withTracing',
        ],
      ],
      './explain': ['coreDumpText', 'explain', 'explainCoreDump', 'explainSync', 'explanationText'],
      './debugger': ['allowDebugger', 'grantEffect', 'onCrash', 'serveGrants', 'spawnDebugger'],
      './policy': [
        'ACCESS_MODES',
        'checkAccess',
        'checkCoreDump',
        'hypotheticalProcess',
        'reach',
        'remedies',
      ],
      './snapshot': ['factsOf', 'lines', 'observe', 'read', 'treeStatus'],
      './map': ['diffHosts', 'htmlPage', 'mapHost'],
      './audit': ['ConsentError', 'RefusedError', 'audit', 'remediate', 'undoRemediation'],
      './watch': ['onTraced', 'watch'],
      './testing': [
        'Relative',
        'assertAttachable',
        'assertAttachableBy',
        'assertAttachableByStranger',
        'assertNotAttachable',
        'assertNotAttachableBy',
        'assertNotAttachableByStranger',
        'matchers',
        'spawnRelative',
      ],
    });
  });

  it("explain() of 'tracegate' answers as explainSync(), and rejects where that throws", async () => {
    const program = `import { explain } from 'tracegate';
      import { explainSync } from 'tracegate/explain';
      const [later, now] = [await explain(process.ppid, { mode: 'read' }), explainSync(process.ppid, { mode: 'read' })];
      const error = await explain(0).catch(error => error);
      console.log(JSON.stringify([later.answer === now.answer, later.pid, error.code]));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: consumer });
    expect(JSON.parse(stdout)).toEqual([true, process.pid, 'ERR_TRACEGATE_INVALID_PID']);
  });

  it('exposes nothing but the exports', async () => {
    const reach = (path: string) =>
      run(process.execPath, ['-e', `import('tracegate/${path}')`], { cwd: consumer });
    await expect(reach('dist/lib-core.cjs')).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
    const schemas = packed.filter(file => file.startsWith('schemas/'));
    expect(schemas).not.toEqual([]);
    for (const schema of [...schemas, 'package.json']) {
      await run(process.execPath, ['-e', `require('tracegate/${schema}')`], { cwd: consumer });
    }
  });

  it('its command runs: --version and probe', async () => {
    const command = join(consumer, 'node_modules/.bin/tracegate');
    expect((await run(command, ['--version'], { cwd: consumer })).stdout).toBe(`${manifest.version}\n`);
    const { pid } = await sleeper();
    const { stdout } = await run(command, ['probe', `${pid}`], { cwd: consumer });
    expect(stdout).toMatch(new RegExp(`^${pid} +cat +allowed\\n$`));
  });

  it('its types compile for a strict consumer under nodenext and node16, without @types/node or skipLibCheck', async () => {
    const uses = `
const scope: tracegate.PtraceScope = tracegate.readPtraceScope();
if (scope.state === 'present') scope.value satisfies 0 | 1 | 2 | 3;
const answer: Promise<tracegate.ProbeResult> = tracegate.probe(1, { method: 'seize', as: { uid: 1000, gid: 1000 } });
answer.then(({ outcome }) => outcome === 'allowed');
// @ts-expect-error: the types are more than any
tracegate.setDumpable('root');
// @ts-expect-error
tracegate.probeSync(1, { method: 'ask nicely' });
const disposables: (testing.Relative | grants.GrantServer)[] = [];
for (const each of disposables) each[Symbol.asyncDispose]();
`;
    const entries = { tracegate: 'tracegate', testing: 'tracegate/testing', grants: 'tracegate/debugger' };
    const imports = Object.entries(entries).map(([name, path]) => [
      `import * as ${name} from '${path}';`,
      `import ${name} = require('${path}');`,
    ]);
    writeFileSync(join(consumer, 'module.mts'), `${imports.map(([each]) => each).join('\n')}${uses}`);
    writeFileSync(join(consumer, 'script.cts'), `${imports.map(([, each]) => each).join('\n')}${uses}`);
    const options = {
      target: 'es2022',
      strict: true,
      exactOptionalPropertyTypes: true,
      types: [],
    };
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    // Under node16 a script may not require a module, so its types have to be those of a script.
    for (const module of ['nodenext', 'node16']) {
      const compilerOptions = { ...options, module };
      const tsconfig = { compilerOptions, files: ['module.mts', 'script.cts'] };
      writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(tsconfig));
      const { stdout } = await run(tsc, ['--noEmit', '-p', consumer]).catch(error => error);
      expect([module, stdout]).toEqual([module, '']);
    }
  });
});
