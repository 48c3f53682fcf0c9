// @ts-check
// QEMU as an arm64 machine: Debian's kernel and userland for it, which scripts/test/arm64/userland.mjs unpacked. The rest
// of the guest's files are the host's.
import { cacheDirectory, NotInstalledError } from './programs.mjs';
import { onBoard, unpackedKernel } from './qemu.mjs';

/** @param {{ mem: number, cpus: number }} size @returns {import('./boot.mjs').Machine} */
export function arm64Machine(size) {
  const userland = `${cacheDirectory()}/arm64-userland`;
  const kernel = unpackedKernel(userland);
  if (kernel === null) throw new NotInstalledError('there is no arm64 kernel', 'npm run test:arm64');
  return onBoard(
    {
      program: `${userland}/emulator/usr/bin/qemu-system-aarch64`,
      options: ['-machine', 'virt', '-cpu', 'cortex-a72', '-accel', 'tcg,thread=multi'],
      console: 'ttyAMA0',
      busybox: `${userland}/usr/bin/busybox`,
      kernel,
      userland,
    },
    size,
  );
}
