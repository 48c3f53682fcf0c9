// integrations/systemd under the real systemd. my-app.service: closed to its own user's strace, open to the gdb of an operator,
// for its time, and served again after a kill -9. tracegate-audit.service: reports from its sandbox what is reported outside.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../helpers/processes.js';
import { copyPackage } from '../helpers/public-copy.js';
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
  const machine = spawn('unshare', boot, { stdio: ['ignore', 'ignore', 'inherit'] });
  onTestFinished(() => void machine.kill('SIGKILL'));
  const init = () => readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim();
  while (init() === '') await new Promise(setImmediate);
  const run = (command: string, ...words: string[]) =>
    spawnSync('nsenter', ['-t', init(), '-m', '-p', command, ...words], {
      encoding: 'utf8',
      timeout: 120_000,
    });
  return run;
}

async function myApp() {
  const stage = stageOf();
  mkdirSync(join(stage, 'app/node_modules'), { recursive: true });
  copyPackage(ROOT, join(stage, 'app/node_modules/tracegate'));
  writeFileSync(join(stage, 'app/app.js'), 'setInterval(() => {}, 1000);');
  const run = await machine(stage, 'my-app.service', LAB);
  const app = () => Number(/^MainPID=([1-9]\d*)$/m.exec(run('systemctl', 'show', 'my-app').stdout)?.[1]);
  /** Its pid, once it serves. */
  const served = async (): Promise<number> => {
    while (run('test', '-S', '/run/my-app/grants').status !== 0) await new Promise(setImmediate);
    return app();
  };
  return { run, served };
}

const AS_APP = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

describe.runIf(labScope !== null && scope === 1)(
  'the unit of integrations/systemd (in the lab, at scope 1)',
  () => {
    it('closes the app, lets gdb in for an operator, and is there again after a kill -9', {
      timeout: 300_000,
    }, async () => {
      const { run, served } = await myApp();
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
      while (owner() !== CLOSED) await new Promise(setImmediate);
      expect(strace().stderr).toMatch(/Operation not permitted/);
      const log = run('cat', '/run/my-app.out').stdout;
      for (const event of ['request', 'start', 'end']) expect(log).toContain(`"event":"${event}"`);

      expect(run('systemctl', 'kill', '-s', 'SIGKILL', 'my-app').status).toBe(0);
      let next = pid;
      while (next === pid || Number.isNaN(next)) next = await served();
      expect(Number(run('stat', '-c', '%u', `/proc/${next}/environ`).stdout)).toBe(CLOSED);
      expect(run('systemctl', 'stop', 'my-app').status).toBe(0);
      expect(run('test', '-e', '/run/my-app').status).toBe(1);
    });

    // It looks at every program of this machine, which takes minutes where each instruction is translated.
    it.skipIf(kernelName === 'qemu')(
      'the audit says in its sandbox what it says outside, and leaves the textfile (not in qemu)',
      {
        timeout: 300_000,
      },
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
        const run = await machine(stageOf(), 'tracegate-audit.service', lab);
        while (run('test', '-S', '/run/systemd/private').status !== 0) await new Promise(setImmediate);
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
