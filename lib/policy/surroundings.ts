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
  /** How the tracer gets CAP_SYS_PTRACE, and whether it is root then. Null: no way is known. */
  addCapability: ((instance: string) => EngineStep & { isRoot: boolean }) | null;
  /** How the seccomp filter lets ptrace and process_vm_readv pass. */
  leaveFilter: ((instance: string) => EngineStep) | null;
}

const STARTER = 'whoever starts the container';
const ADDS = 'adds CAP_SYS_PTRACE, and the tracer runs as root in there';
const WITHOUT_FILTER =
  'runs the tracer without that seccomp filter, or with one that lets ptrace and process_vm_readv pass';

const container = (adding: string, changes: Partial<Engine> = {}): Engine => ({
  noun: 'container',
  sharesPids: false,
  asRoot: 'sudo',
  addCapability: () => ({ who: STARTER, what: ADDS, command: adding, isRoot: true }),
  leaveFilter: () => ({ who: STARTER, what: WITHOUT_FILTER, command: null }),
  ...changes,
});

/** docker and podman have the same words. */
const oci = (program: 'docker' | 'podman'): Engine =>
  container(`${program} run --cap-add=SYS_PTRACE`, {
    asRoot: command => `${program} exec -it --user 0 CONTAINER ${command}`,
    leaveFilter: () => ({
      who: STARTER,
      what: WITHOUT_FILTER,
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
  kubernetes: container('securityContext: { capabilities: { add: ["SYS_PTRACE"] } }'),
  // It is made by podman create --privileged --pid host: toolbox, src/cmd/create.go.
  toolbox: container('', { sharesPids: true, addCapability: null, leaveFilter: null }),
  // lxc-attach(1), lxc.container.conf(5)
  lxc: container(
    "in the container's configuration: no sys_ptrace in lxc.cap.drop, and sys_ptrace in lxc.cap.keep",
    {
      asRoot: command => `sudo lxc-attach -n CONTAINER -- ${command}`,
      leaveFilter: () => ({ who: STARTER, what: WITHOUT_FILTER, command: 'lxc.seccomp.profile = PROFILE' }),
    },
  ),
  // systemd-nspawn(1)
  'systemd-nspawn': container('systemd-nspawn --capability=CAP_SYS_PTRACE', {
    leaveFilter: () => ({
      who: STARTER,
      what: 'lets ptrace and the like pass its seccomp filter',
      command: 'systemd-nspawn --system-call-filter="ptrace process_vm_readv"',
    }),
  }),
  container: container("add CAP_SYS_PTRACE to the container's capabilities"),
  // apptainer-capability-add(1), apptainer-exec(1)
  apptainer: {
    ...sandbox({ sharesPids: true }),
    noun: 'container',
    addCapability: () => ({
      who: 'root of the host, and then you',
      what: 'root allows this user the capability, and you start the container with it',
      command:
        'sudo apptainer capability add --user USER CAP_SYS_PTRACE; apptainer exec --add-caps CAP_SYS_PTRACE IMAGE',
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
    leaveFilter: () => ({
      who: 'whoever starts the sandbox',
      what: 'runs it without --seccomp, or with a filter that lets ptrace and process_vm_readv pass',
      command: null,
    }),
  }),
  // systemd.exec(5). Several lines of an option add up; of @debug ptrace is one.
  systemd: {
    noun: 'unit',
    sharesPids: true,
    asRoot: null,
    addCapability: unit => ({
      who: 'root',
      what: 'gives the unit AmbientCapabilities=CAP_SYS_PTRACE and CapabilityBoundingSet=CAP_SYS_PTRACE under [Service]',
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
