// integrations/systemd under the real systemd. my-app.service: closed to its own user's strace, open to the gdb of an operator,
// for its time, and served again after a kill -9. tracegate-audit.service: reports from its sandbox what is reported outside.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../helpers/processes.js';
import { copyPackage } from '../helpers/public-copy.js';
import { changedUntil } from '../helpers/waits.js';
import { kernelName, labScope, scope } from './scope.js';

const UNITS = join(ROOT, 'integrations/systemd');
const MAIN = join(ROOT, 'dist/cli/main.js');
const USER = 4711;
const CLOSED = 0;

/** What has no place in a lab: the rest of a boot before it, a journal, and the path of our Node. */
const LAB = `[Unit]
DefaultDependencies=no
[Service]
StandardOutput=file:/run/my-app.out
StandardError=file:/run/my-app.out
RestartSec=10ms
ExecStart=
ExecStart=${process.execPath} --import tracegate/deny --import tracegate/grants app.js
`;

const stageOf = () => mkdtempSync(join(tmpdir(), 'tracegate-systemd-'));

/** A machine with that unit: what it runs, in its namespaces. */
async function machine(stage: string, unit: string, lab: string) {
  cpSync(join(UNITS, unit), join(stage, unit));
  writeFileSync(join(stage, 'lab.conf'), lab);
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--cgroup', '--kill-child'];
  const boot = [...namespaces, 'sh', join(ROOT, 'test/fixtures/systemd-machine.sh'), stage, unit];
  const machine = spawn('unshare', boot, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void machine.kill('SIGKILL'));
  const [said] = await once(createInterface({ input: machine.stdout }), 'line');
  expect(said).toBe('mounted');
  machine.stdout.resume();
  const init = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim();
  const run = (command: string, ...words: string[]) =>
    spawnSync('nsenter', ['-t', init, '-m', '-p', command, ...words], { encoding: 'utf8' });
  /** Until that holds: it is asked at first, and whenever something comes or goes in /run or in that directory of it. */
  const changed = async (directory: string, holds: () => boolean) => {
    const run = `/proc/${init}/root/run`;
    for (;;) {
      // Watched before it is asked. A directory may not be there yet, or be another by now.
      const watchers = [run, join(run, directory)].filter(path => existsSync(path)).map(path => watch(path));
      try {
        const change = Promise.race(watchers.map(watcher => once(watcher, 'change')));
        if (holds()) return;
        await change;
      } finally {
        for (const watcher of watchers) watcher.close();
      }
    }
  };
  return { run, changed, root: `/proc/${init}/root` };
}

async function myApp() {
  const stage = stageOf();
  mkdirSync(join(stage, 'app/node_modules'), { recursive: true });
  copyPackage(ROOT, join(stage, 'app/node_modules/tracegate'));
  writeFileSync(join(stage, 'app/app.js'), 'setInterval(() => {}, 1000);');
  const { run, changed, root } = await machine(stage, 'my-app.service', LAB);
  const app = () => Number(/^MainPID=([1-9]\d*)$/m.exec(run('systemctl', 'show', 'my-app').stdout)?.[1]);
  /** Its pid, once it serves and is another than that. */
  const served = async (before = 0): Promise<number> => {
    let pid = Number.NaN;
    await changed('my-app', () => {
      if (run('test', '-S', '/run/my-app/grants').status !== 0) return false;
      pid = app();
      return !Number.isNaN(pid) && pid !== before;
    });
    return pid;
  };
  /** Until it has logged that. */
  const logged = (text: string) => {
    const log = join(root, 'run/my-app.out');
    return changedUntil(log, () => readFileSync(log, 'utf8').includes(text));
  };
  return { run, served, logged };
}

const AS_APP = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

describe.runIf(labScope !== null && scope === 1)(
  'the unit of integrations/systemd (in the lab, at scope 1)',
  () => {
    it('closes the app, lets gdb in for an operator, and is there again after a kill -9', async () => {
      const { run, served, logged } = await myApp();
      const pid = await served();
      const owner = () => Number(run('stat', '-c', '%u', `/proc/${pid}/environ`).stdout);
      const strace = () => run(...(AS_APP as [string]), 'timeout', '10', 'strace', '-qqp', `${pid}`);
      expect(owner()).toBe(CLOSED);
      expect(strace().stderr).toMatch(/Operation not permitted/);
      const gdb = `${AS_APP.join(' ')} --pdeathsig keep gdb -nx -batch -p {} -ex 'backtrace 3'`;
      const grant = ['grant', '/run/my-app/grants', '--ttl', '5m', '--reason', 'ticket 4711', '--exec', gdb];
      const granted = run(process.execPath, MAIN, ...grant);
      expect(granted.stderr).toMatch(/granted: /);
      expect(granted.stdout).toMatch(/^#0 /m);
      await logged('"event":"end"');
      expect(owner()).toBe(CLOSED);
      expect(strace().stderr).toMatch(/Operation not permitted/);
      const log = run('cat', '/run/my-app.out').stdout;
      for (const event of ['request', 'start', 'end']) expect(log).toContain(`"event":"${event}"`);

      expect(run('systemctl', 'kill', '-s', 'SIGKILL', 'my-app').status).toBe(0);
      const next = await served(pid);
      expect(Number(run('stat', '-c', '%u', `/proc/${next}/environ`).stdout)).toBe(CLOSED);
      expect(run('systemctl', 'stop', 'my-app').status).toBe(0);
      expect(run('test', '-e', '/run/my-app').status).toBe(1);
    });

    // It looks at every program of this machine, which takes minutes where each instruction is translated.
    it.skipIf(kernelName === 'qemu')(
      'the audit says in its sandbox what it says outside, and leaves the textfile (not in qemu)',
      async () => {
        const words = /^ExecStart=\/usr\/bin\/tracegate (.*)$/m.exec(
          readFileSync(join(UNITS, 'tracegate-audit.service'), 'utf8'),
        )?.[1];
        const directory = '/var/lib/prometheus/node-exporter';
        const whole = `audit --profile cis --json --output ${directory}/whole`;
        const lab = `[Unit]
DefaultDependencies=no
[Service]
ExecStart=
ExecStart=${process.execPath} ${MAIN} ${words}
ExecStart=${process.execPath} ${MAIN} ${whole}
`;
        const { run, changed } = await machine(stageOf(), 'tracegate-audit.service', lab);
        await changed('systemd', () => run('test', '-S', '/run/systemd/private').status === 0);
        // It ends when the unit has, with its result.
        expect(run('systemctl', 'start', 'tracegate-audit')).toMatchObject({ status: 0 });
        const outside = run(process.execPath, MAIN, 'audit', '--profile', 'cis', '--json').stdout;
        expect(JSON.parse(run('cat', `${directory}/whole`).stdout)).toEqual(JSON.parse(outside));
        expect(run('stat', '-c', '%a %U', `${directory}/tracegate.prom`).stdout).toBe('644 root\n');
        const textfile = run('cat', `${directory}/tracegate.prom`).stdout;
        const { verdict } = JSON.parse(outside);
        expect(textfile).toContain(`tracegate_audit{profile="cis",verdict="${verdict}"} 1\n`);
        expect(textfile).toContain('tracegate_ptrace_scope{profile="cis",when="running",loader=""} 1\n');
        // And what does change it is seen here.
        const other = '/run/systemd/system/tracegate-audit.service.d';
        const text = `[Service]\nPrivateUsers=yes\nExecStart=\nExecStart=${process.execPath} ${MAIN} ${whole}\n`;
        run('sh', '-c', `mkdir -p ${other} && printf '%s' "$0" > ${other}/other.conf`, text);
        expect(run('systemctl', 'daemon-reload')).toMatchObject({ status: 0 });
        expect(run('systemctl', 'start', 'tracegate-audit')).toMatchObject({ status: 0 });
        expect(JSON.parse(run('cat', `${directory}/whole`).stdout)).not.toEqual(JSON.parse(outside));
      },
    );
  },
);
