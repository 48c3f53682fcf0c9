// Random unit files around systemd-sysctl.service, for the real systemd and the model.
import type { Random } from '../differential/random.js';
import { type Files, SYSTEMD } from '../helpers/root-tree.js';

export const PATHS = [
  '/etc/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
] as const;
const SERVICE = 'systemd-sysctl.service';
const OWN = SYSTEMD[`${PATHS[2]}/${SERVICE}`] as string;
const SERVICES = [SERVICE, 'procps.service', 'other.service'];

const ENTRIES: readonly string[] = [
  OWN,
  OWN.replace('/usr/lib/systemd/systemd-sysctl', '/usr/bin/true'),
  OWN.replace('ExecStart=', 'ExecStart=/usr/bin/true\nExecStart=\nExecStart=\\\n  '),
  '',
  '# nothing\n',
  '-> /dev/null',
  `-> ${PATHS[2]}/${SERVICE}`,
  `-> ${SERVICE}`,
  '-> gone.service',
  '-> /usr/lib/gone.service',
  '-> procps.service',
  '-> other.service',
  '-> sysinit.target',
];
const DROP_INS: readonly string[] = [
  '[Service]\nExecStart=\nExecStart=/usr/bin/true\n',
  '[Service]\nExecStart=/usr/bin/true\n',
  '[Service]\nExecStart=\n',
  '[Unit]\nConditionPathExists=/etc/there\n',
  '[Unit]\nConditionPathExists=\n',
  '[Unit]\nConditionPathExists=!/etc/there\n; a comment\n',
  '[Unit]\nDescription=a \\\n# a comment\n ConditionPathExists=/no\n',
  '',
  '-> /dev/null',
];
const LINKS: readonly string[] = [
  `-> ../${SERVICE}`,
  '-> /dev/null',
  '-> ../gone.service',
  '-> ../procps.service',
  '',
  'a regular file\n',
];
const TARGETS = ['sysinit.target', 'multi-user.target', 'emergency.target', 'unused.target', 'multi-.target'];
const COMMAND_LINES = [
  'quiet',
  'systemd.unit=emergency.target',
  'systemd.unit=multi-user',
  'systemd.unit=gone.target',
  'systemd.unit=unused.target',
  'systemd.mask=systemd-sysctl.service',
  'systemd.mask=systemd-sysctl',
  'systemd.mask=procps.service',
  'systemd.mask=sysinit.target',
  'systemd.unit=emergency.target systemd.wants=systemd-sysctl.service',
  'systemd.unit=emergency.target systemd.wants=procps',
];

export interface UnitTree {
  files: Files;
  commandLine: string;
}

/** Several changes of a tree on which systemd-sysctl runs. */
export function drawUnitTree(random: Random): UnitTree {
  const files: Files = {};
  for (const [path, content] of Object.entries(SYSTEMD)) if (path.startsWith(PATHS[2])) files[path] = content;
  files[`${PATHS[2]}/unused.target`] = '[Unit]\nDescription=nothing wants it\n';
  files[`${PATHS[2]}/other.service`] = '[Service]\nExecStart=/usr/bin/true\n';
  const wanted = `${PATHS[2]}/sysinit.target.wants/${SERVICE}`;
  if (random.chance(0.2)) delete files[wanted];
  if (random.chance(0.2)) delete files[`${PATHS[2]}/procps.service`];
  for (let changes = random.below(4); changes >= 0; changes--) {
    const path = random.pick(PATHS);
    switch (random.below(6)) {
      case 0:
        files[`${path}/${random.pick(SERVICES)}`] = random.pick(ENTRIES);
        break;
      case 1: {
        const of = random.pick([SERVICE, 'systemd-.service', 'service', 'procps.service', 'other.service']);
        files[`${path}/${of}.d/${random.pick(['10-a.conf', '20-b.conf', 'c.txt'])}`] = random.pick(DROP_INS);
        break;
      }
      case 2: {
        const suffix = random.pick(['wants', 'requires', 'upholds']);
        files[`${path}/${random.pick(TARGETS)}.${suffix}/${random.pick(SERVICES)}`] = random.pick(LINKS);
        break;
      }
      case 3:
        files[`${path}/${random.pick(TARGETS)}.d/x.conf`] = random.pick([
          `[Unit]\nWants=${random.pick(SERVICES)}\n`,
          '[Unit]\nWants=unused.target \\\n  other.service\n',
        ]);
        break;
      case 4:
        files[`${path}/default.target`] = random.pick([
          '-> multi-user.target',
          '-> emergency.target',
          '-> gone.target',
          '-> /dev/null',
          `[Unit]\nWants=${random.pick(SERVICES)}\n`,
        ]);
        break;
      default:
        if (path !== PATHS[2])
          files[`${path}/sysinit.target`] = random.pick(['-> /dev/null', '', '[Unit]\n']);
    }
  }
  return { files, commandLine: random.chance(0.4) ? random.pick(COMMAND_LINES) : 'quiet' };
}
