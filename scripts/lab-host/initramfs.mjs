// @ts-check
// The initramfs of the QEMU guest: busybox, lab-guest/initramfs.sh, and the modules for 9p over virtio.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { guestScript } from './guest-directory.mjs';
import { NotInstalledError } from './programs.mjs';

/** virtio_console first: its ports are ready by the time that the rest is loaded. */
const WANTED = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p'];

/** @param {string} busybox @param {string} kernel the directory that it was unpacked into */
export function initramfs(busybox, kernel) {
  const modules = inLoadOrder(kernel);
  const order = modules.map(({ name }) => `${name}.ko\n`).join('');
  return archive([
    ...['bin', 'dev', 'modules', 'proc', 'root', 'sys'].map(name => ({
      name,
      mode: 0o040755,
      content: Buffer.alloc(0),
    })),
    {
      name: 'init',
      mode: 0o100755,
      content: Buffer.from(`#!/bin/busybox sh\n${guestScript('initramfs.sh')}`, 'latin1'),
    },
    { name: 'bin/busybox', mode: 0o100755, content: readFileSync(busybox) },
    { name: 'modules/order', mode: 0o100644, content: Buffer.from(order) },
    ...modules.map(({ name, content }) => ({ name: `modules/${name}.ko`, mode: 0o100644, content })),
  ]);
}

/**
 * Lists each module after its dependencies. A package has no modules.dep: depmod writes it on installation, from the
 * same `depends=` that is read here.
 * @param {string} kernel
 */
function inLoadOrder(kernel) {
  const files = new Map(
    readdirSync(kernel, { recursive: true, encoding: 'utf8' })
      .filter(file => /\.ko(\.xz)?$/.test(file))
      .map(file => [
        basename(file)
          .replace(/\.ko(\.xz)?$/, '')
          .replaceAll('-', '_'),
        `${kernel}/${file}`,
      ]),
  );
  /** @type {Map<string, Buffer>} */
  const loaded = new Map();
  /** @param {string} name */
  const load = name => {
    const file = files.get(name);
    // What isn't there as a module is built into the kernel.
    if (file === undefined || loaded.has(name)) return;
    const content = file.endsWith('.xz')
      ? execFileSync('xz', ['-dc', file], { maxBuffer: 2 ** 26 })
      : readFileSync(file);
    const [, depends = ''] = /\0depends=([^\0]*)\0/.exec(content.toString('latin1')) ?? [];
    for (const needed of depends.split(',').filter(Boolean)) load(needed.replaceAll('-', '_'));
    loaded.set(name, content);
  };
  for (const name of WANTED) load(name);
  if (!loaded.has('9p')) throw new NotInstalledError('the unpacked kernel has no 9p module');
  return [...loaded].map(([name, content]) => ({ name, content }));
}

/**
 * A cpio archive in the new ASCII format (Documentation/driver-api/early-userspace/buffer-format.rst).
 * @param {{ name: string, mode: number, content: Buffer }[]} files
 */
function archive(files) {
  const end = { name: 'TRAILER!!!', mode: 0, content: Buffer.alloc(0) };
  return Buffer.concat(
    [...files, end].flatMap(({ name, mode, content }, index) => {
      const nameSize = Buffer.byteLength(name) + 1;
      //             inode  mode  uid gid links mtime size          device and rdevice  name      checksum
      const fields = [index, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameSize, 0];
      const header = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
      return [padded(Buffer.from(header)), padded(content)];
    }),
  );
}

/** @param {Buffer} bytes */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
