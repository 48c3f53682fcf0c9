// What the mounts of a running system say about its /etc. The texts are of /proc/self/mountinfo, proc_pid_mountinfo(5).
import { expect, it } from 'vitest';
import { parseMountinfo, volatileEtc } from '../../lib/audit/remediate/refusal.js';

const ROOT = '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw';
const RUN = '23 22 0:20 / /run rw,nosuid shared:2 - tmpfs tmpfs rw,mode=755';
const overlay = (point: string, upper: string) =>
  `30 22 0:40 / ${point} rw,relatime - overlay overlay rw,lowerdir=/usr/share/etc,upperdir=${upper},workdir=/w`;

it.each<[string, string[], string | null]>([
  ['a disk', [ROOT, RUN], null],
  [
    'a tmpfs on /etc, as in Bottlerocket',
    [ROOT, '30 22 0:40 / /etc rw - tmpfs tmpfs rw'],
    '/etc is on a tmpfs',
  ],
  ['a live system, whose root is a tmpfs', ['22 1 0:1 / / rw - tmpfs tmpfs rw'], '/etc is on a tmpfs'],
  ['an overlay on disk, as in Flatcar', [ROOT, RUN, overlay('/etc', '/var/etc')], null],
  [
    'an overlay in memory, as of a transient /etc',
    [ROOT, RUN, overlay('/etc', '/run/ostree/etc')],
    '/etc is an overlay that writes to /run/ostree/etc, a tmpfs',
  ],
  ['an overlay of another place', [ROOT, RUN, overlay('/usr', '/run/usr')], null],
  [
    'a later mount hides an earlier one',
    [ROOT, '30 22 0:40 / /etc rw - tmpfs tmpfs rw', '31 30 8:2 / /etc rw - ext4 /dev/sda2 rw'],
    null,
  ],
  ['a place that only begins alike', [ROOT, '30 22 0:40 / /etcetera rw - tmpfs tmpfs rw'], null],
])('%s', (_, lines, expected) => {
  expect(volatileEtc(parseMountinfo(`${lines.join('\n')}\n`))).toBe(expected);
});
