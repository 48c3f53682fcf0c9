// integrations/systemd/tracegate-watch.service in a stock kernel whose pid 1 is systemd: elsewhere BPF is refused, as in a pid namespace.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { requireProgram } from '../../scripts/lab-host/programs.mjs';
import { qemuMachine } from '../../scripts/lab-host/qemu.mjs';
import { compile } from '../helpers/compile.js';
import { ROOT } from '../helpers/processes.js';
import { copyPackage } from '../helpers/public-copy.js';

const UNIT = 'tracegate-watch.service';
const APP = '/opt/my-app';
const MAIN = `${APP}/node_modules/tracegate/dist/cli.cjs`;
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_SYS_PTRACE: 19n, CAP_PERFMON: 38n, CAP_BPF: 39n };

const unit = readFileSync(join(ROOT, 'integrations/systemd', UNIT), 'utf8');
const [, words = ''] = /^ExecStart=\/usr\/bin\/tracegate (.*)$/m.exec(unit) ?? [];

/** The path of Node, and what this machine doesn't have: the rest of a boot. The next start comes at once. */
const CHANGES = `[Unit]
DefaultDependencies=no
[Service]
RestartSec=10ms
StandardError=file:/run/watch.err
ExecStart=
ExecStart=${process.execPath} ${MAIN} ${words}
`;

const CHECK = `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
TimeoutStartSec=10min
StandardError=file:${APP}/check.err
ExecStart=${process.execPath} ${APP}/watch-service.mjs ${APP}/report.json ${APP}/bpf-links
ExecStopPost=-/bin/cp /run/watch.err ${APP}/watch.err
ExecStopPost=/bin/sync
ExecStopPost=/bin/systemctl reboot --force --force
`;

/** Boots, and returns what watch-service.mjs has found. */
async function booted(): Promise<Record<string, unknown>> {
  const stage = mkdtempSync(join(tmpdir(), 'tracegate-watch-service-'));
  onTestFinished(() => rmSync(stage, { recursive: true, force: true }));
  chmodSync(stage, 0o755);
  const [system, app] = [join(stage, 'system'), join(stage, 'app')];
  mkdirSync(join(system, `${UNIT}.d`), { recursive: true });
  writeFileSync(join(system, UNIT), unit);
  writeFileSync(join(system, `${UNIT}.d`, 'lab.conf'), CHANGES);
  writeFileSync(join(system, 'check.service'), CHECK);
  copyPackage(ROOT, join(app, 'node_modules/tracegate'));
  cpSync(join(ROOT, 'test/fixtures/watch-service.mjs'), join(app, 'watch-service.mjs'));
  cpSync(compile('bpf-links.c'), join(app, 'bpf-links'));
  cpSync(join(ROOT, 'test/fixtures/systemd-machine.sh'), join(stage, 'systemd-machine.sh'));
  const init = readFileSync(join(ROOT, 'test/fixtures/systemd-boot.sh'), 'utf8');
  const busybox = requireProgram('busybox');
  writeFileSync(
    join(stage, 'init'),
    `#!${busybox} sh\nbusybox=${busybox} stage=${stage} unit=check.service\n${init}`,
    {
      mode: 0o755,
    },
  );
  const machine = qemuMachine({ mem: 2 ** 31, cpus: 1, accel: 'tcg', release: '6.12' });
  machine.prepare(stage);
  const [program = '', ...options] = machine.command(stage);
  // Descriptor 3 ends the machine with this process, and 4, 5 and 6 are the lab's ports.
  const launcher = join(ROOT, 'scripts/lab-host/launch.sh');
  const qemu = spawn('/bin/sh', [launcher, stage, program, ...options], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...machine.environment },
  });
  onTestFinished(() => void process.kill(-qemu.pid!, 'SIGKILL'));
  (qemu.stdio[3] as Writable).write('start\n');
  let console = '';
  qemu.stdout?.on('data', chunk => {
    console += chunk;
  });
  await once(qemu, 'exit');
  const report = join(app, 'report.json');
  const errors = ['check.err', 'watch.err'].map(name => join(app, name)).filter(existsSync);
  const told = errors.map(path => readFileSync(path, 'utf8')).join('\n');
  if (!existsSync(report)) throw new Error(`no report: ${told}\n${console.slice(-5000)}`);
  const found = JSON.parse(readFileSync(report, 'utf8'));
  if (found.failed !== undefined) throw new Error(`${found.failed}\n${told}`);
  return found;
}

it('the unit records by BPF, rotates, writes its metrics, starts again after kill -9, and stops; nothing is left', async () => {
  const found = await booted();
  const { linksBefore } = found as { linksBefore: number };
  const capabilities = Object.values(CAPABILITIES).reduce((set, bit) => set | (1n << bit), 0n);
  expect(found).toEqual({
    linksBefore,
    source: 'bpf',
    links: linksBefore + 6,
    capabilities: capabilities.toString(16).padStart(16, '0'),
    gdb: 0,
    metricsModes: ['755', '755', '644'],
    recordingMode: '600',
    isAnother: true,
    linksAfterKill: linksBefore + 6,
    cutOff: false,
    rotated: ['begin', 'begin'],
    stopped: expect.objectContaining({ event: 'stop', because: 'SIGTERM' }),
    result: ['success', '0', 'inactive'],
    linksAtEnd: linksBefore,
    running: 'tracegate_watch_running{source="bpf"} 0',
    exposure: expect.stringMatching(/: [12]\.\d OK/),
  });
});
