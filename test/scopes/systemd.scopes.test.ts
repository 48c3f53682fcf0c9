// integrations/systemd under the real systemd. my-app.service: closed to the strace of its own user, open to the gdb of
// an operator for the ttl, and served again after a kill -9. tracegate-audit.service: gives the same report in its
// sandbox as outside. tracegate-watch.service: as the Ansible role deploys it (test/integration/watch-service.test.ts runs it).
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { ENGINES } from '../../lib/policy/remedies/surroundings.js';
import { ROOT } from '../helpers/processes.js';
import { copyPackage } from '../helpers/public-copy.js';
import { isNightly, SEED } from '../helpers/tier.js';
import { changedUntil } from '../helpers/waits.js';
import { kernelName, labScope, scope } from './scope.js';

const UNITS = join(ROOT, 'integrations/systemd');
const USER = 4711;
const CLOSED = 0;

/** The package's copy in the machine: PrivateTmp= and ProtectHome= keep the clone from a unit, if it lies there. */
const PACKAGE = '/opt/my-app/node_modules/tracegate';
const MAIN = `${PACKAGE}/dist/cli.cjs`;

/** Parts of the units that the lab doesn't have: the rest of a boot, a journal, and the path of our Node. */
const APP = `[Unit]
DefaultDependencies=no
[Service]
StandardOutput=file:/run/my-app.out
StandardError=file:/run/my-app.out
RestartSec=10ms
ExecStart=
ExecStart=${process.execPath} --import tracegate/deny --import tracegate/grants app.js
`;

const TEXTFILES = '/var/lib/prometheus/node-exporter';
const JSON_AUDIT = ['audit', '--profile', 'cis', '--json'];
/** A report without the time of its audit. */
function withoutTime(text: string): unknown {
  const report = JSON.parse(text) as { evidence: { time?: string } };
  delete report.evidence.time;
  return report;
}
/** The files that an audit and the role load in addition to those of copyPackage(). */
const MORE_PARTS = ['profiles', 'integrations'];
const AUDIT_UNIT = readFileSync(join(UNITS, 'tracegate-audit.service'), 'utf8');
const WATCH_WORDS = /^ExecStart=\/usr\/bin\/tracegate (.*)$/m.exec(
  readFileSync(join(UNITS, 'tracegate-watch.service'), 'utf8'),
)?.[1];
const AUDIT_WORDS = /^ExecStart=\/usr\/bin\/tracegate (.*)$/m.exec(AUDIT_UNIT)?.[1];

const audit = (...lines: string[]) => `[Unit]
DefaultDependencies=no
[Service]
StandardError=file:/run/audit.err
ExecStart=
${lines.join('\n')}
ExecStart=${process.execPath} ${MAIN} ${JSON_AUDIT.join(' ')} --output ${TEXTFILES}/whole
`;

/** Units of the machine: each is one of ours, with what changes it. */
const MACHINE = {
  'my-app.service': ['my-app.service', APP],
  'tracegate-audit.service': [
    'tracegate-audit.service',
    audit(`ExecStart=${process.execPath} ${MAIN} ${AUDIT_WORDS}`),
  ],
  'other-audit.service': ['tracegate-audit.service', audit('PrivateUsers=yes')],
} as const;

/** What keeps a unit from tracing: each of these options does. */
const CONFINED = `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
User=my-app
NoNewPrivileges=yes
CapabilityBoundingSet=~CAP_SYS_PTRACE
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
ExecStart=${process.execPath} ${MAIN} probe 1 --method seize
`;

const WATCH = 'tracegate-watch.service';

/** The role's hosts are this machine, one after the other: each a play, after which the unit's state is in a file of its name. */
const HOSTS = {
  off: {},
  on: { tracegate_watch: true },
  again: { tracegate_watch: true },
  changed: {
    tracegate_watch: true,
    tracegate_watch_rotate: '1M',
    tracegate_watch_keep: 3,
    tracegate_watch_metrics: '',
  },
};
const PLAYS = Object.entries(HOSTS).map(([hosts, variables]) => ({
  hosts,
  gather_facts: false,
  vars: { tracegate_command: [process.execPath, MAIN], tracegate_must_pass: false, ...variables },
  roles: [{ role: 'tracegate_ptrace_scope' }],
  post_tasks: [
    {
      shell: `systemctl show -p ExecStartPre -p ExecStart -p UnitFileState ${WATCH} >/opt/my-app/${hosts}`,
      changed_when: false,
    },
  ],
}));

/** The options that a remedy names, as \`systemctl edit\` puts them into a file of its own. */
const optionsOf = ({ what }: { what: string }) => what.match(/\b[A-Z]\w+=.*?(?= and [A-Z]| under )/g) ?? [];

/** Watches it, if it is there. */
function watched(path: string): FSWatcher[] {
  try {
    return [watch(path)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

/** A machine with these units, which starts the app. It runs commands in its namespaces. */
async function boot() {
  const stage = mkdtempSync(join(tmpdir(), 'tracegate-systemd-'));
  for (const [name, [unit, changes]] of Object.entries(MACHINE)) {
    const path = join(stage, 'system', name);
    mkdirSync(`${path}.d`, { recursive: true });
    cpSync(join(UNITS, unit), path);
    writeFileSync(`${path}.d/lab.conf`, changes);
  }
  writeFileSync(join(stage, 'system', 'confined.service'), CONFINED);
  mkdirSync(join(stage, 'system', `${WATCH}.d`));
  writeFileSync(join(stage, 'system', `${WATCH}.d`, 'lab.conf'), '[Unit]\nDefaultDependencies=no\n');
  const app = join(stage, 'app');
  const copy = join(app, 'node_modules/tracegate');
  copyPackage(ROOT, copy);
  for (const part of MORE_PARTS)
    cpSync(join(ROOT, part), join(copy, part), {
      recursive: true,
      filter: path => !/\.(ts|map)$/.test(path),
    });
  writeFileSync(join(app, 'app.js'), 'setInterval(() => {}, 1000);');
  writeFileSync(join(app, 'play.yml'), JSON.stringify(PLAYS));
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--cgroup', '--kill-child'];
  const script = join(ROOT, 'test/fixtures/systemd-machine.sh');
  const machine = spawn('unshare', [...namespaces, 'sh', script, stage, 'my-app.service'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => void machine.kill('SIGKILL');
  const [said] = await once(createInterface({ input: machine.stdout }), 'line');
  expect(said).toBe('mounted');
  machine.stdout.resume();
  const init = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim();
  const run = (command: string, ...words: string[]) =>
    spawnSync('nsenter', ['-t', init, '-m', '-p', command, ...words], { encoding: 'utf8' });
  /** Where we see a file of the machine. */
  const seen = (path: string) => `/proc/${init}/root${path}`;
  const isSocket = (path: string) => statSync(seen(path), { throwIfNoEntry: false })?.isSocket() ?? false;
  const ownerOf = (pid: number) => statSync(seen(`/proc/${pid}/environ`)).uid;
  const read = (path: string) => readFileSync(seen(path), 'utf8');
  /** Until that holds: it is asked at first, and whenever something comes or goes in /run or in that directory of it. */
  const changed = async (directory: string, holds: () => boolean) => {
    for (;;) {
      // Watched before it is asked. A directory may not be there yet, or be another by now: that shows in /run.
      const watchers = [seen('/run'), seen(`/run/${directory}`)].flatMap(watched);
      try {
        const change = Promise.race(watchers.map(watcher => once(watcher, 'change')));
        if (holds()) return;
        await change;
      } finally {
        for (const watcher of watchers) watcher.close();
      }
    }
  };
  /** The app's pid, once it serves and is another than that. */
  const served = async (before = 0): Promise<number> => {
    let pid = Number.NaN;
    await changed('my-app', () => {
      if (!isSocket('/run/my-app/grants')) return false;
      pid = Number(/^MainPID=([1-9]\d*)$/m.exec(run('systemctl', 'show', 'my-app').stdout)?.[1]);
      // systemd makes a new directory before it starts the next one: this socket is that one's.
      return !Number.isNaN(pid) && pid !== before && isSocket('/run/my-app/grants');
    });
    return pid;
  };
  /** Until the app has logged that. */
  const logged = (text: string) =>
    changedUntil(seen('/run/my-app.out'), () => read('/run/my-app.out').includes(text));
  return { run, seen, read, isSocket, ownerOf, changed, served, logged, end };
}

const AS_APP = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

describe.runIf(labScope !== null && scope === 1)(
  'the unit of integrations/systemd (in the lab, at scope 1)',
  () => {
    let machine: Awaited<ReturnType<typeof boot>>;
    beforeAll(async () => {
      machine = await boot();
      return machine.end;
    });

    it('closes the app, allows gdb for an operator, and serves again after a kill -9', async () => {
      const { run, read, ownerOf, served, logged } = machine;
      const pid = await served();
      const strace = () => run(...(AS_APP as [string]), 'timeout', '10', 'strace', '-qqp', `${pid}`);
      expect(ownerOf(pid)).toBe(CLOSED);
      expect(strace().stderr).toMatch(/Operation not permitted/);
      // Without the symbols of Node's libraries, which take gdb seconds.
      const gdb = `${AS_APP.join(' ')} --pdeathsig keep gdb -iex 'set sysroot /none' -nx -batch -p {} -ex 'backtrace 3'`;
      const grant = ['grant', '/run/my-app/grants', '--ttl', '5m', '--reason', 'ticket 4711', '--exec', gdb];
      const granted = run(process.execPath, MAIN, ...grant);
      expect(granted.stderr).toMatch(/granted: /);
      expect(granted.stdout).toMatch(/^#0 /m);
      await logged('"event":"end"');
      expect(ownerOf(pid)).toBe(CLOSED);
      expect(strace().stderr).toMatch(/Operation not permitted/);
      const log = read('/run/my-app.out');
      for (const event of ['request', 'start', 'end']) expect(log).toContain(`"event":"${event}"`);

      expect(run('systemctl', 'kill', '-s', 'SIGKILL', 'my-app').status).toBe(0);
      expect(ownerOf(await served(pid))).toBe(CLOSED);
      expect(run('systemctl', 'stop', 'my-app').status).toBe(0);
      expect(existsSync(machine.seen('/run/my-app'))).toBe(false);
    });

    it('a unit that may not trace may do so with exactly the options that the remedies of explain name', async () => {
      const { run, seen, isSocket, changed } = machine;
      await changed('systemd', () => isSocket('/run/systemd/private'));
      const { addCapability, leaveFilter } = ENGINES.systemd;
      const capability = optionsOf(addCapability!('confined.service', 'CAP_SYS_PTRACE'));
      const filter = optionsOf(leaveFilter!('confined.service', []));
      expect([capability, filter].map(({ length }) => length)).toEqual([2, 1]);
      const traces = (options: string[]) => {
        const directory = seen('/etc/systemd/system/confined.service.d');
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, 'override.conf'), ['[Service]', ...options, ''].join('\n'));
        expect(run('systemctl', 'daemon-reload').status).toBe(0);
        return run('systemctl', 'start', 'confined').status === 0;
      };
      const [each, other] = SEED % 2 === 0 ? [capability, filter] : [filter, capability];
      expect(traces(each)).toBe(false);
      if (isNightly) expect(traces(other)).toBe(false);
      expect(traces([...capability, ...filter])).toBe(true);
    });

    // Python starts some dozen times, which takes minutes in this guest.
    it.runIf(isNightly)(
      'the Ansible role deploys the watch if it is asked to, and restarts it after a change only (at night)',
      async () => {
        const { run, read, isSocket, changed } = machine;
        await changed('systemd', () => isSocket('/run/systemd/private'));
        const settings = [
          `ANSIBLE_ROLES_PATH=${PACKAGE}/integrations/ansible/roles`,
          'ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3',
          'ANSIBLE_PIPELINING=true',
          'HOME=/run',
          'LC_ALL=C.UTF-8',
        ];
        const hosts = `${Object.keys(HOSTS).join(',')},`;
        const { stdout, stderr, status } = run(
          'env',
          ...settings,
          ...['ansible-playbook', '-i', hosts, '-c', 'local', '/opt/my-app/play.yml'],
        );
        expect(status, stdout + stderr).toBe(0);
        const counts = Object.fromEntries(
          [...stdout.matchAll(/^(\w+) .*changed=(\d+)/gm)].map(([, host, count]) => [host, Number(count)]),
        );
        // The unit, the directory of settings is there, the settings, the restart, and that it is enabled.
        expect(counts).toEqual({ off: 0, on: 4, again: 0, changed: 2 });
        expect(stdout.match(/^RUNNING HANDLER/gm)).toHaveLength(2);
        const [off = '', on = '', again = '', after = ''] = Object.keys(HOSTS).map(host =>
          read(`/opt/my-app/${host}`),
        );
        expect(off).not.toContain('ExecStart');
        expect(on).toContain(`argv[]=${process.execPath} ${MAIN} ${WATCH_WORDS} ;`);
        expect(on).toMatch(/^UnitFileState=enabled$/m);
        expect(again).toContain(`argv[]=${process.execPath} ${MAIN} ${WATCH_WORDS} ;`);
        expect(after).toContain(' --rotate 1M --keep 3 ;');
        expect(on).toMatch(/^ExecStartPre=.* mkdir /m);
        expect(after).not.toContain('mkdir');
      },
    );

    // It looks at every program of this machine, which takes minutes where each instruction is translated.
    it.skipIf(kernelName === 'qemu')(
      'the audit gives the same result inside its sandbox, and writes the textfile (not in qemu)',
      async () => {
        const { run, seen, read, isSocket, changed } = machine;
        await changed('systemd', () => isSocket('/run/systemd/private'));
        // It ends when the unit has, with its result.
        expect(run('systemctl', 'start', 'tracegate-audit')).toMatchObject({ status: 0 });
        // A finding is exit code 1, and so is an audit that breaks off.
        expect(read('/run/audit.err')).toBe('');
        const outside = run(process.execPath, MAIN, ...JSON_AUDIT).stdout;
        const whole = `${TEXTFILES}/whole`;
        expect(withoutTime(read(whole))).toEqual(withoutTime(outside));
        const { uid, mode } = statSync(seen(`${TEXTFILES}/tracegate.prom`));
        expect({ uid, mode: mode & 0o7777 }).toEqual({ uid: 0, mode: 0o644 });
        const textfile = read(`${TEXTFILES}/tracegate.prom`);
        const { verdict } = JSON.parse(outside);
        expect(textfile).toContain(`tracegate_audit{profile="cis",verdict="${verdict}"} 1\n`);
        expect(textfile).toContain('tracegate_ptrace_scope{profile="cis",when="running",loader=""} 1\n');
        // The next test shows a change that does matter.
        expect(run('systemctl', 'start', 'other-audit')).toMatchObject({ status: 0 });
        expect(withoutTime(read(whole))).not.toEqual(withoutTime(outside));
      },
    );
  },
);
