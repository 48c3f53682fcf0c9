// A package without its addon or its helper program, and the advice that it gives.
import { execFile, execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPtraceScope, traceStatus } from '../../lib/index.js';
import { copyRepository } from '../../scripts/test/copy-repository.mjs';
import { AS_USER, ROOT, sleeper } from '../helpers/processes.js';

const run = promisify(execFile);

// The environment of a shell: under `npm test`, npm would mistake this repository for the consumer's.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local_prefix)/.test(name)),
);

const scratch = mkdtempSync(join(tmpdir(), 'tracegate-load-failure-'));
const place = (folder: string) => join(scratch, folder);
const packageOf = (folder: string) => place(`${folder}/node_modules/tracegate`);
const releaseOf = (folder: string) => join(packageOf(folder), 'native/build/Release');
afterAll(() => rmSync(scratch, { recursive: true }));

interface Ended {
  exitCode: number;
  stdout: string;
  stderr: string;
}

async function end(
  file: string,
  args: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Ended> {
  try {
    return { exitCode: 0, ...(await run(file, args, options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { exitCode: code, stdout, stderr };
  }
}

const npm = (folder: string, words: string, more: NodeJS.ProcessEnv = {}) =>
  end('npm', words.split(' '), { cwd: place(folder), env: { ...env, ...more } });

// Without certificates, which Node would read at each start.
const { NODE_EXTRA_CA_CERTS: _, ...offline } = process.env;
const node = (folder: string, args: string[]) =>
  end(process.execPath, args, { cwd: place(folder), env: offline });

/** The folder `unbuilt`: a consumer's, of a package without prebuilt files, as on a CPU for which there are none. */
async function install() {
  // With the dist/ that is here: package.test.ts has npm make it.
  copyRepository(place('source'));
  cpSync(join(ROOT, 'dist'), place('source/dist'), { recursive: true });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], {
    cwd: place('source'),
    env,
  });
  mkdirSync(place('unbuilt'));
  writeFileSync(place('unbuilt/package.json'), '{"name":"consumer","private":true}');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { exitCode, stderr } = await npm('unbuilt', `install --prefer-offline ../tracegate-${version}.tgz`);
  expect(exitCode, stderr).toBe(0);
}

/** As the messages advise. */
const build = (folder: string, more: NodeJS.ProcessEnv = {}) =>
  end(process.execPath, [join(packageOf(folder), 'scripts/build/native.mjs')], {
    cwd: place(folder),
    env: { ...env, ...more },
  });

const copyOf = (folder: string, name: string) =>
  cpSync(place(folder), place(name), { recursive: true, verbatimSymlinks: true });

/** `built`, as the message advises, and copies of it that went bad. That the sources compile there is package.test.ts's. */
async function repair() {
  copyOf('unbuilt', 'built');
  const copying = `sh ${join(ROOT, 'test/fixtures/copying-compiler.sh')} ${join(ROOT, 'native/build/Release')}`;
  const { exitCode, stderr } = await build('built', { CXX: copying });
  expect(exitCode, stderr).toBe(0);

  copyOf('built', 'garbage');
  writeFileSync(join(releaseOf('garbage'), 'tracegate.node'), 'neither ELF nor anything else\n'.repeat(100));
  copyOf('built', 'foreign');
  const addon = readFileSync(join(releaseOf('built'), 'tracegate.node'));
  addon.writeUInt16LE(addon.readUInt16LE(18) ^ 0xff, 18); // e_machine of the ELF header: another CPU
  writeFileSync(join(releaseOf('foreign'), 'tracegate.node'), addon);
  copyOf('built', 'helperless');
  rmSync(join(releaseOf('helperless'), 'tracegate-helper'));
}

beforeAll(async () => {
  await install();
  await repair();
});

const DARWIN = 'data:text/javascript,Object.defineProperty(process,"platform",{value:"darwin"})';
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

const STATES = [
  {
    state: 'no addon: none was prebuilt for this machine',
    folder: 'unbuilt',
    flags: [],
    says: [
      new RegExp(`no native addon for linux-${process.arch}`),
      /prebuilds\/linux-\w+\/tracegate\.\w+\.node/,
      /TRACEGATE_ADDON/,
      /node \S+scripts\/build\/native\.mjs/,
    ],
  },
  { state: 'node --no-addons', folder: 'built', flags: ['--no-addons'], says: [/without --no-addons/] },
  {
    state: `node ${PERMISSION} without --allow-addons`,
    folder: 'built',
    flags: [PERMISSION, '--allow-fs-read=*', '--no-warnings'],
    says: [/with --allow-addons/],
  },
  {
    state: 'an addon file that is garbage',
    folder: 'garbage',
    flags: [],
    says: [/build\/native\.mjs/, /invalid ELF header/],
  },
  {
    state: 'an addon for another CPU',
    folder: 'foreign',
    flags: [],
    says: [/another CPU/, /build\/native\.mjs/],
  },
  { state: 'not Linux', folder: 'built', flags: ['--import', DARWIN], says: [/Linux/, /darwin/] },
];

describe.each(STATES)('$state', ({ folder, flags, says }) => {
  const evaluate = async (expression: string) => {
    const program = `import * as tracegate from 'tracegate';
      const failure = async call => { try { return await call(); } catch ({ name, code, message }) { return { name, code, message }; } };
      console.log(JSON.stringify(${expression}));`;
    const { stdout, stderr } = await node(folder, [...flags, '--input-type=module', '-e', program]);
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  };
  const command = (...words: string[]) =>
    node(folder, [...flags, place(`${folder}/node_modules/tracegate/dist/cli.cjs`), ...words]);

  it('import works, and so does what reads only /proc', async () => {
    const { pid } = await sleeper(AS_USER);
    const [scope, status] = await evaluate(`[tracegate.readPtraceScope(), tracegate.traceStatus(${pid})]`);
    expect(scope).toEqual(readPtraceScope());
    expect(status).toEqual(traceStatus(pid));
    expect(status.status).toBe('enabled');
  });

  it('a call that needs the addon fails with advice', async () => {
    const calls = [
      'getDumpable()',
      'setDumpable("user")',
      'setPtracer("any")',
      'traceStatus()',
      'probeSync(process.ppid)',
      'probe(process.ppid)',
    ];
    const asked = calls.map(call => `await failure(() => tracegate.${call})`);
    const failures = await evaluate(`[${asked}]`);
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: 'TracegateError', code: 'ERR_TRACEGATE_NATIVE_UNAVAILABLE' });
      for (const text of says) expect(failure.message).toMatch(text);
    }
  });

  it('the command: one line on stderr, exit code 3; status, which needs no addon, still answers', async () => {
    const { pid } = await sleeper(AS_USER);
    const { exitCode, stdout, stderr } = await command('probe', `${pid}`);
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^tracegate: .*\n$/);
    for (const text of says) expect(stderr).toMatch(text);
    expect(await command('status', `${pid}`)).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('the helper program is missing', () => {
  it.each(['stranger', { uid: 1000, gid: 1000 }])(
    'a probe as %o fails with advice; a probe as self still answers',
    async as => {
      const options = JSON.stringify({ as });
      const program = `import { probe, probeSync } from 'tracegate';
      const codes = [];
      for (const ask of [probe, probeSync]) {
        try { await ask(process.ppid, ${options}); } catch ({ code, message }) { codes.push([code, message]); }
        codes.push((await ask(process.ppid)).pid);
      }
      console.log(JSON.stringify(codes));`;
      const { stdout } = await node('helperless', ['--input-type=module', '-e', program]);
      const failure = [
        'ERR_TRACEGATE_NATIVE_UNAVAILABLE',
        expect.stringMatching(/tracegate-helper is missing.*build\/native\.mjs/),
      ];
      expect(JSON.parse(stdout)).toEqual([failure, process.pid, failure, process.pid]);
    },
  );

  it('the command: one line on stderr, exit code 3', async () => {
    const main = place('helperless/node_modules/tracegate/dist/cli.cjs');
    const { exitCode, stdout, stderr } = await node('helperless', [
      main,
      'probe',
      '--as',
      'stranger',
      `${process.pid}`,
    ]);
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^tracegate: .*tracegate-helper is missing.*\n$/);
  });
});

describe('scripts/build/native.mjs', () => {
  const find = (program: string) => {
    const path = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, program));
    return path.find(file => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  };
  const python = () =>
    execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

  /** A folder with the programs that a build needs, except the missing one. gyp's makefile calls the small ones. */
  function pathWithout(missing: string): string {
    const folder = place(`without-${missing}`);
    mkdirSync(folder);
    const compilers = ['g++', 'c++', 'gcc', 'cc'];
    const small = ['sh', 'printf', 'mkdir', 'cp', 'ln', 'rm', 'touch', 'dirname', 'env', 'uname'];
    for (const program of ['node', 'npm', 'make', 'python3', ...compilers, ...small]) {
      const file = program === 'python3' ? python() : program === 'node' ? process.execPath : find(program);
      const isMissing = missing === 'compiler' ? compilers.includes(program) : program === missing;
      if (file !== undefined && !isMissing) symlinkSync(file, join(folder, program));
    }
    return folder;
  }

  it.each([
    ['compiler', 'there is no C++ compiler. apt-get install g++'],
    ['make', 'there is no make. apt-get install make'],
    ['python3', 'there is no python3. apt-get install python3'],
  ])('without %s it fails and says what to install', async (missing, says) => {
    const folder = `without the ${missing} (here)`;
    copyOf('unbuilt', folder);
    const { exitCode, stderr } = await build(folder, { PATH: pathWithout(missing), CXX: undefined });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`tracegate: the addon could not be built: ${says}`);
    expect(existsSync(join(releaseOf(folder), 'tracegate.node'))).toBe(false);
  });

  it('on other systems than Linux nothing is built, and no compiler is needed', async () => {
    const script = join(packageOf('unbuilt'), 'scripts/build/native.mjs');
    const { exitCode, stderr } = await end(process.execPath, ['--import', DARWIN, script], {
      cwd: scratch,
      env: { PATH: '' },
    });
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/Linux/)]);
  });

  it.each([
    ['linux', 6],
    ['mac', 0],
    ['win', 0],
    ['freebsd', 0],
  ])('binding.gyp on OS=%s compiles %i targets', async (os, count) => {
    const folder = place(`gyp-${os}`);
    mkdirSync(folder);
    cpSync(join(ROOT, 'native/binding.gyp'), join(folder, 'binding.gyp'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    // As node-gyp's addon.gypi has it.
    writeFileSync(join(folder, 'addon.gypi'), "{'target_defaults': {'type': 'loadable_module'}}");
    const gyp = join(ROOT, 'node_modules/node-gyp/gyp/gyp_main.py');
    await run(
      'python3',
      [gyp, 'binding.gyp', '-I', 'addon.gypi', '-f', 'gypd', `-DOS=${os}`, '--depth=.', '--no-parallel'],
      {
        cwd: folder,
      },
    );
    const generated = readFileSync(join(folder, 'binding.gypd'), 'utf8');
    expect(generated.match(/'sources': /g)?.length ?? 0).toBe(count);
    expect(generated).toMatch(/'target_name': 'tracegate'/);
  });
});

it.each([
  ['/proc/self', 'ERR_ACCESS_DENIED'],
  ['/proc/', 'listed in order'],
])(`node ${PERMISSION} --allow-addons --allow-fs-read=%s: the host is %s`, async (readable, answer) => {
  const program = `import { observe } from 'tracegate/snapshot';
    const ascend = ({ pid }, at, all) => at === 0 || all[at - 1].pid < pid;
    try { console.log('listed', observe().processes.every(ascend) ? 'in order' : 'by name'); } catch ({ code }) { console.log(code); }`;
  const { stdout, stderr } = await node('built', [
    ...['--no-warnings', PERMISSION, '--allow-addons', `--allow-fs-read=${scratch}/`],
    ...[`--allow-fs-read=${readable}`, '--input-type=module', '-e', program],
  ]);
  expect(stderr).toBe('');
  expect(stdout.trim()).toBe(answer);
});
