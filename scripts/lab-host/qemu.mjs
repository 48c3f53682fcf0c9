// @ts-check
// QEMU: the distribution's stock kernel, on the host's root file system through 9p.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { initramfs } from './initramfs.mjs';
import { cacheDirectory, NotInstalledError, requireProgram } from './programs.mjs';

/** @typedef {import('./boot.mjs').Machine} Machine */
/**
 * @typedef {object} Board
 * @property {string} program
 * @property {string[]} options the machine and its processors
 * @property {string} console the kernel's name of the serial port
 * @property {string} [parameters] of the kernel's command line
 * @property {string} busybox a static one, for the guest's processor
 * @property {{ image: string, modules: string }} kernel
 * @property {string} [userland] a directory whose usr and etc the guest has in place of the host's
 */

/**
 * An x86-64 machine with a kernel that setup.sh unpacked.
 *
 * @param {{ mem: number, cpus: number, accel: 'tcg' | 'kvm', release: string }} options
 * @returns {Machine}
 */
export function qemuMachine({ mem, cpus, accel, release }) {
  const program = requireProgram('qemu-system-x86_64');
  const busybox = requireProgram('busybox');
  // A dynamic program names its loader in its first bytes; a static program has no loader.
  if (readFileSync(busybox).subarray(0, 4096).includes('/ld-'))
    throw new NotInstalledError('busybox is not the static one');
  const processor = ['-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max'];
  return onBoard(
    {
      program,
      options: ['-machine', 'pc', ...processor],
      console: 'ttyS0',
      // On a host with much to do the kernel's trial of the timer may see no tick, and it panics: "IO-APIC + timer doesn't work".
      parameters: 'no_timer_check',
      busybox,
      kernel: newestKernel(release),
    },
    { mem, cpus },
  );
}

/**
 * @param {Board} board @param {{ mem: number, cpus: number }} size
 * @returns {Machine}
 */
export function onBoard({ program, options, console, parameters, busybox, kernel, userland }, { mem, cpus }) {
  return {
    devices: { control: '/dev/control', stdout: '/dev/stdout-port', stderr: '/dev/stderr-port' },
    prepare: directory =>
      writeFileSync(`${directory}/initramfs`, initramfs(busybox, kernel.modules), { mode: 0o600 }),
    command: directory => [
      program,
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...options,
      ...['-smp', `${cpus}`, '-m', `${mem / 2 ** 20}M`],
      ...['-kernel', kernel.image, '-initrd', `${directory}/initramfs`],
      // A panic restarts at once, and -no-reboot makes that the end.
      // Addresses that are the same each time are translated once, and not at each start.
      '-append',
      [
        `console=${console} quiet panic=-1 oops=panic norandmaps lab.init=${directory}/init`,
        ...(parameters === undefined ? [] : [parameters]),
        ...(userland === undefined ? [] : [`lab.userland=${userland}`]),
      ].join(' '),
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
  const kernel = newest === undefined ? null : unpackedKernel(`${kernels}/${newest}`);
  if (kernel === null) throw new NotInstalledError(`there is no unpacked kernel ${release} for QEMU`);
  return kernel;
}

/** @param {string} directory that a kernel's package was unpacked into @returns {Board['kernel'] | null} */
export function unpackedKernel(directory) {
  const boot = `${directory}/boot`;
  const image = existsSync(boot) && readdirSync(boot).find(name => name.startsWith('vmlinuz-'));
  return image ? { image: `${boot}/${image}`, modules: directory } : null;
}
