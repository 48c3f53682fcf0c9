import type { Capability } from '../../kernel/capabilities.js';

/** Containers, sandboxes and services that leave a mark on a process, and have their own way to give rights. */
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
  /** The unit, app or snap: letters, digits and `@.:_\\-`. Null where the name isn't visible. */
  instance: string | null;
  /** Whether /proc/sys is mounted read-only here. Then no sysctl can be written. */
  hasReadOnlySysctl: boolean;
}

export const NO_SURROUNDINGS: Surroundings = { name: null, instance: null, hasReadOnlySysctl: false };

/** One action on a container, sandbox or unit, and the command or setting for it. */
export interface EngineStep {
  who: string;
  what: string;
  command: string | null;
}

export interface Engine {
  /** The word for the surroundings. */
  noun: 'container' | 'sandbox' | 'unit';
  /** Whether a process has the same pid inside as on the host. */
  sharesPids: boolean;
  /** The command, from outside, that runs another command as root inside; or sudo inside. Null: neither is possible. */
  asRoot: ((command: string) => string) | 'sudo' | null;
  /** The step that gives the tracer a capability, and whether the tracer is then root. Null: no way is known. */
  addCapability: ((instance: string, capability: Capability) => EngineStep & { isRoot: boolean }) | null;
  /** The step that makes the seccomp filter allow these calls. */
  leaveFilter: ((instance: string, calls: readonly string[]) => EngineStep) | null;
}

const STARTER = 'the user who starts the container';

export const withoutFilter = (calls: readonly string[]) =>
  `runs the tracer without that seccomp filter, or with one that allows ${calls.join(' and ')}`;

/** The name of a capability without its prefix, as the tools of OCI write it. */
const short = (capability: Capability) => capability.replace('CAP_', '');

const container = (adding: (capability: Capability) => string, changes: Partial<Engine> = {}): Engine => ({
  noun: 'container',
  sharesPids: false,
  asRoot: 'sudo',
  addCapability: (_instance, capability) => ({
    who: STARTER,
    what: `adds ${capability}, and runs the tracer as root in the container`,
    command: adding(capability),
    isRoot: true,
  }),
  leaveFilter: (_instance, calls) => ({ who: STARTER, what: withoutFilter(calls), command: null }),
  ...changes,
});

/** docker and podman take the same options. */
const oci = (program: 'docker' | 'podman'): Engine =>
  container(capability => `${program} run --cap-add=${short(capability)}`, {
    asRoot: command => `${program} exec -it --user 0 CONTAINER ${command}`,
    leaveFilter: (_instance, calls) => ({
      who: STARTER,
      what: withoutFilter(calls),
      command: `${program} run --security-opt seccomp=PROFILE.json`,
    }),
  });

/** A program that its user confines. It has no_new_privs, so sudo doesn't work inside. */
const sandbox = (changes: Partial<Engine>): Engine => ({
  noun: 'sandbox',
  sharesPids: false,
  asRoot: null,
  addCapability: null,
  leaveFilter: null,
  ...changes,
});

const editUnit = (unit: string) => `systemctl edit '${unit}' && systemctl restart '${unit}'`;

/** What each of them offers. An action is offered only where a source says that it works. */
export const ENGINES: Record<SurroundingsName, Engine> = {
  docker: oci('docker'),
  podman: oci('podman'),
  kubernetes: container(capability => `securityContext: { capabilities: { add: ["${short(capability)}"] } }`),
  // Toolbox uses podman create --privileged --pid host: toolbox, src/cmd/create.go.
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
      what: `allows ${calls.join(' and ')} in its seccomp filter`,
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
  // flatpak-run(1); common/flatpak-run.c, setup_seccomp(): the filter refuses ptrace, except in development mode.
  flatpak: sandbox({
    leaveFilter: app => ({
      who: 'you',
      what: 'start the app with the filter for development, which allows ptrace',
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
      who: 'the user who starts the sandbox',
      what: `runs it without --seccomp, or with a filter that allows ${calls.join(' and ')}`,
      command: null,
    }),
  }),
  // systemd.exec(5). Several lines of an option add up. The group @debug contains ptrace.
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
