import { existsSync } from 'node:fs';
import { textOf } from '../kernel/proc-files.js';
import type { Surroundings } from '../policy/changes.js';

/** The container that we run in, by the marks that the engines leave in it; null where there is none. */
export function surroundings(): Surroundings {
  if (process.env.KUBERNETES_SERVICE_HOST || existsSync('/var/run/secrets/kubernetes.io'))
    return 'kubernetes';
  if (existsSync('/.dockerenv')) return 'docker';
  if (existsSync('/run/.containerenv')) return 'podman';
  // Written by systemd and others for what they start: docker, podman, lxc, systemd-nspawn.
  const name = textOf('/run/systemd/container');
  if (name === 'docker' || name === 'podman') return name;
  return name === null || name === '' ? null : 'container';
}
