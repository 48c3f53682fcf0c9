import {
  NO_SURROUNDINGS,
  type Surroundings,
  type SurroundingsName,
} from '../policy/remedies/surroundings.js';

/** The engine's mark before the id of a container, in the last part of the path of its cgroup. */
const CONTAINERS: readonly (readonly [RegExp, SurroundingsName])[] = [
  [/^docker-([0-9a-f]{12})[0-9a-f]*\.scope$/, 'docker'],
  [/^libpod-([0-9a-f]{12})[0-9a-f]*(?:\.scope)?$/, 'podman'],
  [/^(?:cri-containerd|crio)-([0-9a-f]{12})[0-9a-f]*(?:\.scope)?$/, 'kubernetes'],
  [/^lxc\.payload\.(.+)$/, 'lxc'],
  [/^machine-(.+)\.scope$/, 'systemd-nspawn'],
];

/** With the driver cgroupfs, docker has a directory of its own: /docker/ID. */
const PLAIN = /\/docker\/([0-9a-f]{12})[0-9a-f]*/;

export interface Unit {
  name: string;
  surroundings: Surroundings;
}

const of = (name: string, engine: SurroundingsName, instance: string | null): Unit => ({
  name,
  surroundings: { ...NO_SURROUNDINGS, name: engine, instance },
});

/**
 * The container or the systemd service of a process, by the text of /proc/PID/cgroup. The innermost counts. Null: neither, as in a
 * session, whose scope has another name each time.
 */
export function unitIn(cgroups: string): Unit | null {
  // In a hybrid hierarchy systemd uses the older hierarchy, and the unified one may be empty.
  const path = (/^\d+:name=systemd:(.*)$/m.exec(cgroups) ?? /^0::(.*)$/m.exec(cgroups))?.[1] ?? '';
  const plain = PLAIN.exec(path);
  if (plain !== null) return of(`docker ${plain[1]}`, 'docker', null);
  for (const part of path.split('/').reverse()) {
    for (const [pattern, engine] of CONTAINERS) {
      const found = pattern.exec(part);
      if (found !== null) return of(`${engine} ${found[1]}`, engine, null);
    }
    if (/^user@\d+\.service$/.test(part)) return null;
    if (part.endsWith('.service')) {
      // A user's manager gives no capabilities.
      const isUsers = /\/user@\d+\.service\//.test(path);
      const isPlain = /^[\w@.:\\-]+$/.test(part);
      return isUsers
        ? { name: part, surroundings: NO_SURROUNDINGS }
        : of(part, 'systemd', isPlain ? part : null);
    }
  }
  return null;
}
