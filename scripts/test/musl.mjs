// @ts-check
// npm run test:musl: the prebuilt files for musl, in a root directory that has Debian's musl and no glibc, under Bun's build
// for musl, as a uid of its own. Needs root. Bun wants a libstdc++ for musl: it is linked here of Debian's static one, by the
// compiler of scripts/build/prebuilds.mjs.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { requireProgram } from '../lab-host/programs.mjs';
import { installLocked, zigProgram } from '../npm-cache.mjs';
import { packed } from './pack.mjs';
import { Totals } from './totals.mjs';

const totals = new Totals();
const fixtures = join(import.meta.dirname, '..', '..', 'test', 'fixtures');
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-musl-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const root = join(scratch, 'root');
const bun = join(
  installLocked(join(import.meta.dirname, 'musl'), ['--force']),
  '@oven/bun-linux-x64-musl/bin/bun',
);

/** @param {string} file @param {string} option @returns {Set<string>} */
const symbols = (file, option) =>
  new Set(
    execFileSync('nm', ['-D', option, file], { encoding: 'utf8', maxBuffer: 2 ** 26 })
      .split('\n')
      .map(line => line.trim().split(' ').at(-1)?.replace(/@.*/, '') ?? ''),
  );

/** /lib of the root directory. @param {string} directory */
function installMusl(directory) {
  execFileSync('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', 'musl'], {
    cwd: scratch,
    stdio: 'ignore',
  });
  const deb = readdirSync(scratch).find(name => name.startsWith('musl_')) ?? '';
  execFileSync('dpkg-deb', ['-x', join(scratch, deb), join(scratch, 'musl')]);
  const libc = join(scratch, 'musl/lib/x86_64-linux-musl/libc.so');
  for (const name of ['ld-musl-x86_64.so.1', 'libc.musl-x86_64.so.1', 'libc.so'])
    cpSync(libc, join(directory, name));

  const has = symbols(libc, '--defined-only');
  const needs = [...symbols(bun, '--undefined-only')].filter(name => name && !has.has(name));
  const gcc = dirname(execFileSync('g++', ['-print-file-name=libstdc++.a'], { encoding: 'utf8' }).trim());
  const library = (/** @type {string} */ name) => join(gcc, name);
  execFileSync(zigProgram(), [
    ...['cc', '-target', 'x86_64-linux-musl', '-shared', '-Wl,-soname,libstdc++.so.6'],
    ...['-o', join(directory, 'libstdc++.so.6'), join(fixtures, 'musl-libstdcxx.c')],
    ...needs.map(name => `-Wl,-u,${name}`),
    ...['-Wl,--whole-archive', library('libsupc++.a'), '-Wl,--no-whole-archive'],
    ...['libstdc++.a', 'libgcc_eh.a', 'libgcc.a'].map(library),
  ]);
}

for (const name of ['lib', 'bin', 'dev', 'etc', 'proc', 'tmp', 'app', 'old'])
  mkdirSync(join(root, name), { recursive: true });
execFileSync('chmod', ['755', scratch, root]);
execFileSync('chmod', ['1777', join(root, 'tmp')]);
installMusl(join(root, 'lib'));
cpSync(requireProgram('busybox'), join(root, 'bin/busybox'));
symlinkSync('busybox', join(root, 'bin/sh'));
cpSync(bun, join(root, 'bin/bun'));
writeFileSync(join(root, 'etc/passwd'), 'user:x:4242:4242::/tmp:/bin/sh\n');
writeFileSync(join(root, 'etc/group'), 'user:x:4242:\n');
writeFileSync(join(root, 'app/package.json'), '{"private":true}');
const words = ['install', '--no-save', '--prefer-offline', await packed(scratch)];
execFileSync('npm', words, { cwd: join(root, 'app'), stdio: 'ignore' });
cpSync(join(fixtures, 'musl-program.cjs'), join(root, 'app/main.cjs'));

// Not by chroot(): the kernel refuses user namespaces there (kernel/user_namespace.c, current_chrooted()).
const start = `mount --rbind '${root}' '${root}' && mount --rbind /proc '${root}/proc' && mount --rbind /dev '${root}/dev' && cd '${root}' &&
  pivot_root . old && exec /bin/busybox sh -c '/bin/busybox umount -l /old
  exec /bin/busybox start-stop-daemon -S -c user -x /bin/bun -- /app/main.cjs'`;
const { stdout, stderr, status } = spawnSync('unshare', ['--mount', 'sh', '-c', start], {
  encoding: 'utf8',
  env: { PATH: process.env.PATH, HOME: '/tmp' },
});
process.stdout.write(stdout);
process.stderr.write(stderr);
const lines = stdout.split('\n');
totals.passed = lines.filter(line => line.startsWith('passed ')).length;
totals.failures.push(
  ...lines.filter(line => line.startsWith('FAILED ')).map(line => line.slice('FAILED '.length)),
);
if (status !== 0) totals.failures.push(`the program ended with ${status}`);
totals.close();
