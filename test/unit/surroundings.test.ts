// The marks of containers, sandboxes and units, in trees of real files.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { surroundings } from '../../lib/explain/surroundings.js';
import { ENGINES } from '../../lib/policy/remedies/surroundings.js';

type Files = Record<string, string>;

function treeOf(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'tracegate-marks-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const found = (files: Files, env: NodeJS.ProcessEnv = {}) => {
  const { name, instance } = surroundings(treeOf(files), env);
  return instance === null ? name : `${name} ${instance}`;
};

const FLATPAK_INFO = '[Application]\nname=org.example.App\nruntime=runtime/org.example.Sdk/x86_64/1\n';
const cgroup = (path: string) => ({ '/proc/self/cgroup': `0::${path}\n` });

it.each<[string | null, Files, NodeJS.ProcessEnv]>([
  [null, {}, {}],
  ['docker', { '/.dockerenv': '' }, {}],
  ['docker', { '/run/systemd/container': 'docker\n' }, {}],
  ['podman', { '/run/.containerenv': 'engine="podman-5"\n' }, {}],
  ['podman', { '/run/systemd/container': 'podman\n' }, {}],
  // Its containers are podman's, and have the file of both.
  ['toolbox', { '/run/.containerenv': '', '/run/.toolboxenv': '' }, {}],
  ['kubernetes', { '/.dockerenv': '' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }],
  ['kubernetes', { '/run/.containerenv': '', '/var/run/secrets/kubernetes.io/serviceaccount/token': '' }, {}],
  ['lxc', { '/run/systemd/container': 'lxc' }, {}],
  ['lxc', { '/proc/1/environ': 'TERM=linux\0container=lxc\0' }, {}],
  ['systemd-nspawn', { '/run/host/container-manager': 'systemd-nspawn\n' }, {}],
  ['apptainer', {}, { APPTAINER_CONTAINER: '/images/one.sif' }],
  ['apptainer', {}, { SINGULARITY_CONTAINER: '/images/one.sif' }],
  ['apptainer', { '/.singularity.d/runscript': '' }, {}],
  [
    'flatpak org.example.App',
    { '/.flatpak-info': FLATPAK_INFO, '/run/host/container-manager': 'flatpak\n' },
    {},
  ],
  ['flatpak', { '/.flatpak-info': '' }, {}],
  [
    'snap hello',
    { '/var/lib/snapd/hostfs/etc/os-release': '' },
    { SNAP: '/snap/hello/1', SNAP_INSTANCE_NAME: 'hello' },
  ],
  // A classic snap's terminal: not confined.
  [null, {}, { SNAP: '/snap/code/1', SNAP_INSTANCE_NAME: 'code' }],
  ['bubblewrap', { '/proc/1/comm': 'bwrap\n' }, {}],
  [null, { '/proc/1/comm': 'systemd\n' }, {}],
  ['container', { '/run/systemd/container': 'rkt\n' }, {}],
  ['container', { '/run/host/container-manager': 'other' }, {}],
  // An image may have the file of the engine that made it.
  ['container', { '/run/systemd/container': 'rkt\n', '/.dockerenv': '' }, {}],
  ['docker', { '/proc/1/environ': 'container=oci\0', '/.dockerenv': '' }, {}],
  [null, { '/run/systemd/container': 'wsl\n' }, {}],
  [null, { '/run/systemd/container': '\n', '/proc/1/environ': 'TERM=linux\0' }, {}],
  ['systemd app.service', cgroup('/system.slice/app.service'), {}],
  ['systemd app@1.service', cgroup('/system.slice/system-app.slice/app@1.service/payload'), {}],
  [
    'systemd app.service',
    { '/proc/self/cgroup': '9:name=systemd:/system.slice/app.service\n8:pids:/\n0::/\n' },
    {},
  ],
  [null, cgroup('/user.slice/user-1000.slice/session-3.scope'), {}],
  [null, cgroup('/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal.scope'), {}],
  [null, cgroup('/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service'), {}],
  [null, cgroup('/user.slice/user-1000.slice/user@1000.service/init.scope'), {}],
  ['docker', { '/.dockerenv': '', ...cgroup('/system.slice/app.service') }, {}],
])('%s: %j %j', (expected, files, env) => {
  expect(found(files, env)).toBe(expected);
});

it('a name that would be more than a word in a command is left out', () => {
  for (const name of ['a;reboot', "a'b", 'a b', '$(a)', '\u001b[31m']) {
    expect(found({ '/.flatpak-info': `[Application]\nname=${name}\n` })).toBe('flatpak');
  }
  expect(found(cgroup('/system.slice/a\\x2db.service'))).toBe('systemd a\\x2db.service');
});

it('the unit is that of the process that is asked for', () => {
  const root = treeOf({ '/proc/7/cgroup': '0::/system.slice/app.service\n', ...cgroup('/') });
  expect(surroundings(root, {}, 7)).toMatchObject({ name: 'systemd', instance: 'app.service' });
  expect(surroundings(root, {})).toMatchObject({ name: null });
});

const mount = (point: string, options: string) => `30 27 0:21 / ${point} ${options} - proc proc rw\n`;

it.each([
  [false, mount('/proc', 'rw,relatime')],
  [true, mount('/proc', 'ro,relatime')],
  // Docker, and systemd's ProtectKernelTunables=: a mount of its own above that of /proc.
  [true, mount('/proc', 'rw,relatime') + mount('/proc/sys', 'ro,nosuid')],
  [false, mount('/proc', 'rw') + mount('/proc/sys', 'ro') + mount('/proc/sys', 'rw')],
  [false, ''],
])('/proc/sys is read-only: %s, by %j', (expected, mountinfo) => {
  const root = treeOf({ '/proc/self/mountinfo': mountinfo });
  expect(surroundings(root, {}).hasReadOnlySysctl).toBe(expected);
});

it('the documentation and the schema list all surroundings', () => {
  const at = (path: string) => readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8');
  const documented = [...at('docs/surroundings.md').matchAll(/^\| ([a-z-]+) \|/gm)].map(([, name]) => name);
  expect(documented.filter(name => name !== 'name').sort()).toEqual(Object.keys(ENGINES).sort());
  const { properties } = JSON.parse(at('schemas/explain.schema.json'));
  expect(properties.surroundings.enum.filter((name: unknown) => name !== null).sort()).toEqual(
    Object.keys(ENGINES).sort(),
  );
});
