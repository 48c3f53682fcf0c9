// @ts-check
// QEMU: the distribution's stock kernel, unpacked by setup.sh, on the host's root file system through 9p.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { initramfs } from './initramfs.mjs';
import { cacheDirectory, NotInstalledError, requireProgram } from './programs.mjs';

/** @typedef {import('./boot.mjs').Machine} Machine */

/**
 * @param {{ mem: number, cpus: number, accel: 'tcg' | 'kvm', release: string }} options
 * @returns {Machine}
 */
export function qemuMachine({ mem, cpus, accel, release }) {
  const program = requireProgram('qemu-system-x86_64');
  const busybox = requireProgram('busybox');
  // A dynamic program names its loader in its first bytes; a static program has no loader.
  if (readFileSync(busybox).subarray(0, 4096).includes('/ld-'))
    throw new NotInstalledError('busybox is not the static one');
  const { image, modules } = newestKernel(release);
  return {
    devices: { control: '/dev/control', stdout: '/dev/stdout-port', stderr: '/dev/stderr-port' },
    prepare: directory =>
      writeFileSync(`${directory}/initramfs`, initramfs(busybox, modules), { mode: 0o600 }),
    command: directory => [
      program,
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...[
        '-machine',
        'pc',
        '-accel',
        accel,
        '-cpu',
        accel === 'kvm' ? 'host' : 'max',
        '-smp',
        `${cpus}`,
        '-m',
        `${mem / 2 ** 20}M`,
      ],
      ...['-kernel', image, '-initrd', `${directory}/initramfs`],
      // A panic restarts at once, and -no-reboot makes that the end.
      // Addresses that are the same each time are translated once, and not at each start.
      ...['-append', `console=ttyS0 quiet panic=-1 oops=panic norandmaps lab.init=${directory}/init`],
      ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
      ...['-virtfs', 'local,path=/,mount_tag=host,security_model=none,multidevs=remap'],
      ...['-device', 'virtio-serial-pci'],
      ...port(1, 'control', 4),
      ...port(2, 'stdout-port', 5),
      ...port(3, 'stderr-port', 6),
    ],
    environment: {},
  };
}

/**
 * A port that the guest finds as /dev/NAME (lab-guest/initramfs.sh).
 * @param {number} number
 * @param {string} name
 * @param {number} descriptor
 */
function port(number, name, descriptor) {
  return [
    ...['-chardev', `socket,id=${name},fd=${descriptor}`],
    ...['-device', `virtserialport,nr=${number},chardev=${name},name=${name}`],
  ];
}

/** The newest build of that release. @param {string} release such as 6.1 */
function newestKernel(release) {
  const kernels = `${cacheDirectory()}/kernels`;
  const names = existsSync(kernels) ? readdirSync(kernels) : [];
  const newest = names
    .filter(name => name.startsWith(`linux-image-${release}.`))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))[0];
  const boot = `${kernels}/${newest}/boot`;
  const image = newest !== undefined && readdirSync(boot).find(name => name.startsWith('vmlinuz-'));
  if (!image) throw new NotInstalledError(`there is no unpacked kernel ${release} for QEMU`);
  return { image: `${boot}/${image}`, modules: `${kernels}/${newest}` };
}
