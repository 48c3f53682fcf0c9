import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../kernel/proc-files.js';
import { NO_SURROUNDINGS, type Surroundings, type SurroundingsName } from '../policy/surroundings.js';

/** Where the marks are looked for: all below a directory, so that another tree can be looked at. */
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
   * The name that a container manager gave: as systemd-detect-virt(1) looks for it. /proc/1/environ may be read by few.
   */
  get managerName(): string | null {
    const [, ofInit] = /(?:^|\0)container=([^\0]+)/.exec(this.text('/proc/1/environ') ?? '') ?? [];
    const told = this.text('/run/host/container-manager') || this.text('/run/systemd/container') || ofInit;
    return told || null;
  }

  /** The service of the innermost unit; null in a session's scope, or in a user's manager itself. */
  get service(): string | null {
    const cgroups = this.text(`/proc/${this.#pid}/cgroup`) ?? '';
    // In a hybrid hierarchy systemd's own is the older one, and the unified one may be empty.
    const path = (/^\d+:name=systemd:(.*)$/m.exec(cgroups) ?? /^0::(.*)$/m.exec(cgroups))?.[1] ?? '';
    const unit = path.split('/').findLast(part => /\.(service|scope|slice)$/.test(part));
    return unit?.endsWith('.service') === true && !/^user@\d+\.service$/.test(unit) ? unit : null;
  }

  /** Whether it is a user's service: its own manager gives no capabilities. */
  get isUsersService(): boolean {
    return /\/user@\d+\.service\//.test(this.text(`/proc/${this.#pid}/cgroup`) ?? '');
  }

  /** proc(5), mountinfo: of the mount that has /proc/sys, the last line of those that cover it. */
  get hasReadOnlySysctl(): boolean {
    const mounts = (this.text('/proc/self/mountinfo') ?? '').split('\n').map(line => line.split(' '));
    const covers = (path: string) => mounts.findLast(([, , , , point]) => point === path)?.[5];
    const options = covers('/proc/sys') ?? covers('/proc') ?? '';
    return options.split(',').includes('ro');
  }
}

interface Mark {
  name: SurroundingsName;
  /** Which one, where that shows; '' where it is one whose name doesn't show; null: it is none. */
  find(marks: Marks): string | null;
}

const when = (isSo: boolean): string | null => (isSo ? '' : null);

const managedBy = ({ managerName }: Marks, ...names: string[]) => names.includes(managerName ?? '');

/** A file that an engine leaves counts where no manager has said what it is: `oci` says it of none. */
const leaves = (marks: Marks, file: string) =>
  (marks.managerName === null || managedBy(marks, 'oci')) && marks.has(file);

/** A name that can stand in a command. */
const named = (text: string): string | null => (/^[\w@.:\\-]+$/.test(text) ? text : null);

/** The marks that each leaves, the innermost first. */
const MARKS: readonly Mark[] = [
  // flatpak, common/flatpak-run.c: the file is there in every sandbox.
  {
    name: 'flatpak',
    find: marks => {
      const info = marks.text('/.flatpak-info');
      return info === null ? null : (/^name=(.+)$/m.exec(info)?.[1] ?? '');
    },
  },
  // snapd, snap/snapenv/snapenv.go. A classic snap has the environment too, and stays in the host's mount namespace, where
  // hostfs is empty.
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
  // bubblewrap.c, do_init(): it stays as the sandbox' pid 1.
  { name: 'bubblewrap', find: marks => when(marks.text('/proc/1/comm') === 'bwrap') },
  // wsl is a virtual machine, whose root is there.
  { name: 'container', find: marks => when(marks.managerName !== null && !managedBy(marks, 'wsl')) },
  { name: 'systemd', find: marks => (marks.isUsersService ? null : marks.service) },
];

/**
 * What we run in, by the marks that it leaves.
 *
 * @param root the tree that has them
 * @param pid whose cgroup tells the unit
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
