import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../kernel/proc-files.js';
import {
  NO_SURROUNDINGS,
  type Surroundings,
  type SurroundingsName,
} from '../policy/remedies/surroundings.js';

/**
 * The files and variables that are searched for marks. All files are below one directory, so that another tree can be
 * used.
 */
class Marks {
  readonly #root: string;
  readonly env: NodeJS.ProcessEnv;
  /** The process whose cgroup counts. */
  readonly #pid: number | 'self';

  constructor(root: string, env: NodeJS.ProcessEnv, pid: number | 'self') {
    this.#root = root;
    this.env = env;
    this.#pid = pid;
  }

  has(path: string): boolean {
    return existsSync(join(this.#root, path));
  }

  text(path: string): string | null {
    return textOf(join(this.#root, path));
  }

  /**
   * The name that a container manager gave, found as systemd-detect-virt(1) finds it. Few processes may read
   * /proc/1/environ.
   */
  get managerName(): string | null {
    const [, ofInit] = /(?:^|\0)container=([^\0]+)/.exec(this.text('/proc/1/environ') ?? '') ?? [];
    const told = this.text('/run/host/container-manager') || this.text('/run/systemd/container') || ofInit;
    return told || null;
  }

  /** The innermost service. Null in the scope of a session, or in a user's manager itself. */
  get service(): string | null {
    const cgroups = this.text(`/proc/${this.#pid}/cgroup`) ?? '';
    // In a hybrid hierarchy systemd uses the older hierarchy, and the unified one may be empty.
    const path = (/^\d+:name=systemd:(.*)$/m.exec(cgroups) ?? /^0::(.*)$/m.exec(cgroups))?.[1] ?? '';
    const unit = path.split('/').findLast(part => /\.(service|scope|slice)$/.test(part));
    return unit?.endsWith('.service') === true && !/^user@\d+\.service$/.test(unit) ? unit : null;
  }

  /** Whether the service belongs to a user's manager, which gives no capabilities. */
  get isUsersService(): boolean {
    return /\/user@\d+\.service\//.test(this.text(`/proc/${this.#pid}/cgroup`) ?? '');
  }

  /** proc(5), mountinfo: whether the last mount that covers /proc/sys is read-only. */
  get hasReadOnlySysctl(): boolean {
    const mounts = (this.text('/proc/self/mountinfo') ?? '').split('\n').map(line => line.split(' '));
    const covers = (path: string) => mounts.findLast(([, , , , point]) => point === path)?.[5];
    const options = covers('/proc/sys') ?? covers('/proc') ?? '';
    return options.split(',').includes('ro');
  }
}

interface Mark {
  name: SurroundingsName;
  /** The instance, or '' where its name isn't visible. Null: the mark is missing. */
  find(marks: Marks): string | null;
}

const when = (isSo: boolean): string | null => (isSo ? '' : null);

const managedBy = ({ managerName }: Marks, ...names: string[]) => names.includes(managerName ?? '');

/** An engine's file counts only where no manager has given a name. The name `oci` fits every engine. */
const leaves = (marks: Marks, file: string) =>
  (marks.managerName === null || managedBy(marks, 'oci')) && marks.has(file);

/** A name that is safe in a command; otherwise null. */
const named = (text: string): string | null => (/^[\w@.:\\-]+$/.test(text) ? text : null);

/** The marks of each, the innermost first. */
const MARKS: readonly Mark[] = [
  // flatpak, common/flatpak-run.c: every sandbox has the file.
  {
    name: 'flatpak',
    find: marks => {
      const info = marks.text('/.flatpak-info');
      return info === null ? null : (/^name=(.+)$/m.exec(info)?.[1] ?? '');
    },
  },
  // snapd, snap/snapenv/snapenv.go. A classic snap has the environment too, but stays in the host's mount namespace.
  // There hostfs is empty.
  {
    name: 'snap',
    find: marks =>
      marks.env.SNAP && marks.has('/var/lib/snapd/hostfs/etc') ? (marks.env.SNAP_INSTANCE_NAME ?? '') : null,
  },
  // apptainer.org, "Environment and Metadata".
  {
    name: 'apptainer',
    find: marks =>
      when(
        Boolean(marks.env.APPTAINER_CONTAINER || marks.env.SINGULARITY_CONTAINER) ||
          marks.has('/.singularity.d'),
      ),
  },
  {
    name: 'kubernetes',
    find: marks =>
      when(Boolean(marks.env.KUBERNETES_SERVICE_HOST) || marks.has('/var/run/secrets/kubernetes.io')),
  },
  // toolbox, src/cmd/initContainer.go.
  { name: 'toolbox', find: marks => when(marks.has('/run/.toolboxenv')) },
  // systemd, src/basic/virt.c, detect_container() and detect_container_files()
  {
    name: 'podman',
    find: marks => when(leaves(marks, '/run/.containerenv') || managedBy(marks, 'podman')),
  },
  { name: 'docker', find: marks => when(leaves(marks, '/.dockerenv') || managedBy(marks, 'docker')) },
  // systemd, src/basic/virt.c, container_table
  { name: 'lxc', find: marks => when(managedBy(marks, 'lxc', 'lxc-libvirt')) },
  { name: 'systemd-nspawn', find: marks => when(managedBy(marks, 'systemd-nspawn')) },
  // bubblewrap.c, do_init(): bubblewrap stays as pid 1 of the sandbox.
  { name: 'bubblewrap', find: marks => when(marks.text('/proc/1/comm') === 'bwrap') },
  // wsl is a virtual machine, in which root is root.
  { name: 'container', find: marks => when(marks.managerName !== null && !managedBy(marks, 'wsl')) },
  { name: 'systemd', find: marks => (marks.isUsersService ? null : marks.service) },
];

/**
 * The container, sandbox or unit that a process runs in, by the marks that it leaves.
 *
 * @param root the directory tree with the marks
 * @param pid the process whose cgroup shows the unit
 */
export function surroundings(root = '/', env = process.env, pid: number | 'self' = 'self'): Surroundings {
  const marks = new Marks(root, env, pid);
  const { hasReadOnlySysctl } = marks;
  for (const { name, find } of MARKS) {
    const instance = find(marks);
    if (instance !== null) return { name, instance: named(instance), hasReadOnlySysctl };
  }
  return { ...NO_SURROUNDINGS, hasReadOnlySysctl };
}
