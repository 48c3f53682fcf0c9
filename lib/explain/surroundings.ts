import { existsSync, readFileSync } from 'node:fs';
import { isSystemError } from '../kernel/proc-files.js';
import type { Surroundings } from '../policy/changes.js';

/** Written by systemd and others for what they start: docker, podman, lxc, systemd-nspawn. */
function named(): string | null {
  try {
    return readFileSync('/run/systemd/container', 'utf8').trim();
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** The container that we run in, by the marks that the engines leave in it; null where there is none. */
export function surroundings(): Surroundings {
  if (process.env.KUBERNETES_SERVICE_HOST || existsSync('/var/run/secrets/kubernetes.io'))
    return 'kubernetes';
  if (existsSync('/.dockerenv')) return 'docker';
  if (existsSync('/run/.containerenv')) return 'podman';
  const name = named();
  if (name === 'docker' || name === 'podman') return name;
  return name === null || name === '' ? null : 'container';
}
