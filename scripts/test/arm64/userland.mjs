// @ts-check
// Unpacks what `scripts/lab --kernel arm64` boots into the cache: Debian 12's kernel and programs for arm64, Node, and
// QEMU for this machine. apt has a configuration of its own, and installs nothing.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CACHE, installLocked } from '../../npm-cache.mjs';

/** As in lab-host/arm64.mjs. */
const userland = join(CACHE, 'arm64-userland');
const made = join(userland, 'made');

const PROGRAMS = [
  'apparmor',
  'busybox-static',
  'coreutils',
  'dash',
  'gdb',
  'libcap2-bin',
  'mount',
  'procps',
  'python3',
  'sed',
  'strace',
  'util-linux',
];
const LIBRARIES_OF_NODE = ['libatomic1', 'libstdc++6'];
/** The majors of package.json here. */
export const NODES = ['node-20', 'node-26'];
const USERS = 'root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n';
const GROUPS = 'root:x:0:\ndaemon:x:1:\nuser:x:1000:\n';

/** Makes it again if this file or the versions of the packages have changed. */
export function prepareUserland() {
  const digest = createHash('sha256');
  for (const file of ['userland.mjs', 'package-lock.json'])
    digest.update(readFileSync(join(import.meta.dirname, file)));
  const version = digest.digest('hex');
  if (existsSync(made) && readFileSync(made, 'utf8') === version) return;

  const packages = installLocked(import.meta.dirname, ['--cpu=arm64']);
  const unfinished = `${userland}.${process.pid}`;
  try {
    unpack(unfinished);
    for (const name of NODES)
      cpSync(join(packages, name, 'bin', 'node'), join(unfinished, 'usr', 'bin', name));
    cpSync(join(packages, '@koromix'), join(unfinished, 'usr', 'lib', 'node_modules', '@koromix'), {
      recursive: true,
    });
    symlinkSync('node-20', join(unfinished, 'usr', 'bin', 'node'));
    writeFileSync(join(unfinished, 'etc', 'passwd'), USERS);
    writeFileSync(join(unfinished, 'etc', 'group'), GROUPS);
    writeFileSync(join(unfinished, 'made'), version);
    rmSync(userland, { recursive: true, force: true });
    renameSync(unfinished, userland);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** @param {string} directory */
function unpack(directory) {
  const apt = join(directory, 'apt');
  const archives = join(apt, 'cache', 'archives');
  for (const name of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, name), { recursive: true });
  writeFileSync(join(apt, 'status'), '');
  const signed = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  writeFileSync(join(apt, 'sources.list'), `deb ${signed} http://deb.debian.org/debian bookworm main\n`);
  writeFileSync(
    join(apt, 'apt.conf'),
    `APT::Architecture "arm64";
APT::Architectures { "arm64"; "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "${userInfo().username}";
Dir::State "${apt}/state";
Dir::State::status "${apt}/status";
Dir::Cache "${apt}/cache";
Dir::Etc::sourcelist "${apt}/sources.list";
Dir::Etc::sourceparts "-";
`,
  );
  /** @param {string} program @param {string[]} words */
  const run = (program, ...words) =>
    execFileSync(program, words, {
      cwd: apt,
      env: { ...process.env, APT_CONFIG: join(apt, 'apt.conf'), LC_ALL: 'C' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    });
  run('apt-get', 'update', '-q');
  run('apt-get', 'install', '-q', '-y', '--download-only', ...PROGRAMS, ...LIBRARIES_OF_NODE);
  const [, kernel] =
    /^ *Depends: (linux-image-\S+)$/m.exec(run('apt-cache', 'depends', 'linux-image-arm64')) ?? [];
  if (kernel === undefined) throw new Error("Debian's linux-image-arm64 depends on no kernel");
  run('apt-get', 'download', '-q', kernel, 'qemu-system-arm:amd64');

  // As on an installed system.
  mkdirSync(join(directory, 'etc'));
  for (const name of ['bin', 'lib', 'sbin']) {
    mkdirSync(join(directory, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(directory, name));
  }
  const packages = readdirSync(archives).filter(name => name.endsWith('.deb'));
  for (const name of packages) extract(join(archives, name), directory);
  for (const name of readdirSync(apt).filter(file => file.endsWith('.deb'))) {
    if (name.startsWith('qemu')) extract(join(apt, name), join(directory, 'emulator'));
    // As in scripts/setup.sh.
    else extract(join(apt, name), directory, '--wildcards', ...KERNEL_FILES);
  }
  rmSync(apt, { recursive: true });
}

const KERNEL_FILES = [
  '*/boot/vmlinuz-*',
  '*/kernel/fs/[9fn]*',
  '*/kernel/net/9p',
  '*/kernel/drivers/virtio',
  '*/kernel/drivers/char',
];

/** @param {string} archive @param {string} into @param {string[]} selection */
function extract(archive, into, ...selection) {
  mkdirSync(into, { recursive: true });
  const words = [
    '--extract',
    '--directory',
    into,
    '--keep-directory-symlink',
    '--no-same-owner',
    ...selection,
  ];
  const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', archive], { maxBuffer: 2 ** 30 });
  execFileSync('tar', words, { input: tar, stdio: ['pipe', 'inherit', 'inherit'] });
}
