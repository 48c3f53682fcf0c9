import type { Capability } from '../kernel/capabilities.js';

/** What runs a process, where that leaves marks and has a way of its own to give rights. */
export type SurroundingsName =
  | 'docker'
  | 'podman'
  | 'kubernetes'
  | 'toolbox'
  | 'lxc'
  | 'systemd-nspawn'
  | 'apptainer'
  | 'flatpak'
  | 'snap'
  | 'bubblewrap'
  | 'systemd'
  | 'container';

export interface Surroundings {
  name: SurroundingsName | null;
  /** Which unit, app or snap: letters, digits and `@.:_\\-`. Null where that doesn't show. */
  instance: string | null;
  /** Whether /proc/sys is mounted read-only here, so that no sysctl can be written. */
  hasReadOnlySysctl: boolean;
}

export const NO_SURROUNDINGS: Surroundings = { name: null, instance: null, hasReadOnlySysctl: false };

/** What somebody does to one of them, and the command or the setting that does it. */
export interface EngineStep {
  who: string;
  what: string;
  command: string | null;
}

export interface Engine {
  /** What one is in. */
  noun: 'container' | 'sandbox' | 'unit';
  /** Whether pids are those of the host. */
  sharesPids: boolean;
  /** A command as root in there, started from outside; without it, by sudo in there. Null: root isn't had in there. */
  asRoot: ((command: string) => string) | 'sudo' | null;
  /** How the tracer gets a capability, and whether it is root then. Null: no way is known. */
  addCapability: ((instance: string, capability: Capability) => EngineStep & { isRoot: boolean }) | null;
  /** How the seccomp filter lets these calls pass. */
  leaveFilter: ((instance: string, calls: readonly string[]) => EngineStep) | null;
}

const STARTER = 'whoever starts the container';

export const withoutFilter = (calls: readonly string[]) =>
  `runs the tracer without that seccomp filter, or with one that lets ${calls.join(' and ')} pass`;

/** Without the prefix, as OCI's tools have it. */
const short = (capability: Capability) => capability.replace('CAP_', '');

const container = (adding: (capability: Capability) => string, changes: Partial<Engine> = {}): Engine => ({
  noun: 'container',
  sharesPids: false,
  asRoot: 'sudo',
  addCapability: (_instance, capability) => ({
    who: STARTER,
    what: `adds ${capability}, and the tracer runs as root in there`,
    command: adding(capability),
    isRoot: true,
  }),
  leaveFilter: (_instance, calls) => ({ who: STARTER, what: withoutFilter(calls), command: null }),
  ...changes,
});

/** docker and podman have the same words. */
const oci = (program: 'docker' | 'podman'): Engine =>
  container(capability => `${program} run --cap-add=${short(capability)}`, {
    asRoot: command => `${program} exec -it --user 0 CONTAINER ${command}`,
    leaveFilter: (_instance, calls) => ({
      who: STARTER,
      what: withoutFilter(calls),
      command: `${program} run --security-opt seccomp=PROFILE.json`,
    }),
  });

/** A program that its user confines: no_new_privs, and so no way to root. */
const sandbox = (changes: Partial<Engine>): Engine => ({
  noun: 'sandbox',
  sharesPids: false,
  asRoot: null,
  addCapability: null,
  leaveFilter: null,
  ...changes,
});

const editUnit = (unit: string) => `systemctl edit '${unit}' && systemctl restart '${unit}'`;

/** What each of them offers. Where no source says that something works, it isn't offered. */
export const ENGINES: Record<SurroundingsName, Engine> = {
  docker: oci('docker'),
  podman: oci('podman'),
  kubernetes: container(capability => `securityContext: { capabilities: { add: ["${short(capability)}"] } }`),
  // It is made by podman create --privileged --pid host: toolbox, src/cmd/create.go.
  toolbox: container(() => '', { sharesPids: true, addCapability: null, leaveFilter: null }),
  // lxc-attach(1), lxc.container.conf(5)
  lxc: container(
    capability => {
      const name = short(capability).toLowerCase();
      return `in the container's configuration: no ${name} in lxc.cap.drop, and ${name} in lxc.cap.keep`;
    },
    {
      asRoot: command => `sudo lxc-attach -n CONTAINER -- ${command}`,
      leaveFilter: (_instance, calls) => ({
        who: STARTER,
        what: withoutFilter(calls),
        command: 'lxc.seccomp.profile = PROFILE',
      }),
    },
  ),
  // systemd-nspawn(1)
  'systemd-nspawn': container(capability => `systemd-nspawn --capability=${capability}`, {
    leaveFilter: (_instance, calls) => ({
      who: STARTER,
      what: `lets ${calls.join(' and ')} pass its seccomp filter`,
      command: `systemd-nspawn --system-call-filter="${calls.join(' ')}"`,
    }),
  }),
  container: container(capability => `add ${capability} to the container's capabilities`),
  // apptainer-capability-add(1), apptainer-exec(1)
  apptainer: {
    ...sandbox({ sharesPids: true }),
    noun: 'container',
    addCapability: (_instance, capability) => ({
      who: 'root of the host, and then you',
      what: 'root allows this user the capability, and you start the container with it',
      command: `sudo apptainer capability add --user USER ${capability}; apptainer exec --add-caps ${capability} IMAGE`,
      isRoot: false,
    }),
  },
  // flatpak-run(1); common/flatpak-run.c, setup_seccomp(): its filter refuses ptrace but in development
  flatpak: sandbox({
    leaveFilter: app => ({
      who: 'you',
      what: 'start the app with the filter for development, which lets ptrace pass',
      command: `flatpak run --allow=devel ${app}`,
    }),
  }),
  // snap(8): devmode
  snap: sandbox({
    sharesPids: true,
    leaveFilter: snap => ({
      who: 'root',
      what: 'installs the snap in developer mode, in which its confinement only reports',
      command: `snap install --devmode ${snap}`,
    }),
  }),
  // bwrap(1): --cap-add is for a privileged user
  bubblewrap: sandbox({
    leaveFilter: (_instance, calls) => ({
      who: 'whoever starts the sandbox',
      what: `runs it without --seccomp, or with a filter that lets ${calls.join(' and ')} pass`,
      command: null,
    }),
  }),
  // systemd.exec(5). Several lines of an option add up; of @debug ptrace is one.
  systemd: {
    noun: 'unit',
    sharesPids: true,
    asRoot: null,
    addCapability: (unit, capability) => ({
      who: 'root',
      what: `gives the unit AmbientCapabilities=${capability} and CapabilityBoundingSet=${capability} under [Service]`,
      command: editUnit(unit),
      isRoot: false,
    }),
    leaveFilter: unit => ({
      who: 'root',
      what: 'gives the unit SystemCallFilter=@debug process_vm_readv process_vm_writev under [Service]',
      command: editUnit(unit),
    }),
  },
};
