// Users and groups by the names in /etc/passwd and /etc/group.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { AS_USER, IS_ROOT, privateDirectory, sleeper, USER } from '../helpers/processes.js';

const idOf = (flag: string, user: string) => Number(execFileSync('id', [flag, user]));
const groupOf = (group: string) => Number(execFileSync('getent', ['group', group]).toString().split(':')[2]);

/** The ids that `probe --as` asks with. */
async function idsOf(who: string): Promise<unknown> {
  const { stdout } = await tracegate(['probe', `${process.pid}`, '--as', who, '--json']);
  return (validated('probe', stdout) as { results: { as: unknown }[] }).results[0]?.as;
}

describe('probe --as', () => {
  it('takes the name of a user, with the login group', async () => {
    expect(await idsOf('www-data')).toEqual({ uid: idOf('-u', 'www-data'), gid: idOf('-g', 'www-data') });
  });

  it.each<[string, () => unknown]>([
    ['daemon:adm', () => ({ uid: idOf('-u', 'daemon'), gid: groupOf('adm') })],
    ['daemon:7', () => ({ uid: idOf('-u', 'daemon'), gid: 7 })],
    ['7:adm', () => ({ uid: 7, gid: groupOf('adm') })],
    ['7:8', () => ({ uid: 7, gid: 8 })],
  ])('takes %s', async (who, ids) => {
    expect(await idsOf(who)).toEqual(ids());
  });

  it('says in text what a name stands for', async () => {
    const { stdout } = await tracegate(['probe', `${process.pid}`, '--as', 'daemon:adm']);
    expect(stdout).toMatch(
      new RegExp(`^as daemon:adm: uid ${idOf('-u', 'daemon')}, gid ${groupOf('adm')}\\n`),
    );
    const numbers = await tracegate(['probe', `${process.pid}`, '--as', '7:8']);
    expect(numbers.stdout).toMatch(new RegExp(`^${process.pid} `));
  });

  it.each([
    ['nobody-here', /--as "nobody-here": \/etc\/passwd has no such user: give a number \(id -u nobody-here /],
    [
      'daemon:no-group',
      /--as "no-group": \/etc\/group has no such group: give a number \(getent group no-group /,
    ],
    ['$(x)', /: give a number \(id -u NAME prints it\)/],
  ])('of %s is a usage error that names the file and the remedy', async (who, message) => {
    const { code, stdout, stderr } = await tracegate(['probe', '1', '--as', who]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

/** Runs a script where this is /etc/passwd, as in a container. Needs root for the mount. */
async function withUsers(passwd: string, script: string, words: readonly string[]): Promise<string> {
  const file = join(privateDirectory(0o755), 'passwd');
  writeFileSync(file, passwd, { mode: 0o644 });
  const mounting = 'mount --bind "$0" /etc/passwd; script=$1; shift; eval "$script"';
  const child = spawn('unshare', ['--mount', 'sh', '-c', mounting, file, script, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return stdout + stderr;
}

const COMMAND = [process.execPath, MAIN];
const PASSWD = `root:x:0:0::/root:/bin/sh\n# a comment\n+::::::\nalice:x:${USER}:4713::/:/bin/sh\nalice:x:9:9::/:/bin/sh\nbob:x:${USER}:1::/:/bin/sh\n`;

describe.runIf(IS_ROOT)('with other users (needs root to mount /etc/passwd)', () => {
  it('the first entry of a name, and the first name of a uid, count', async () => {
    const said = await withUsers(PASSWD, '"$@"', [...COMMAND, 'probe', '1', '--as', 'alice']);
    expect(said).toMatch(new RegExp(`^as alice: uid ${USER}, gid 4713\\n`));
  });

  it('a file that is missing is named', async () => {
    const said = await withUsers('', 'mount -t tmpfs none /etc; "$@"', [
      ...COMMAND,
      'scan',
      '--uid',
      'alice',
    ]);
    expect(said).toMatch(/--uid "alice": \/etc\/passwd can't be read \(ENOENT\): give a number/);
  });

  it('scan names the user of a process that has the same users, and of no other', async () => {
    const outside = await sleeper(AS_USER);
    const script = `setpriv --reuid ${USER} --regid ${USER} --clear-groups sleep 60 & "$@"; kill $!`;
    const said = await withUsers(PASSWD, script, [...COMMAND, 'scan', '--uid', 'alice']);
    expect(said).toMatch(new RegExp(`^\\d+ +\\d+ +${USER} +open to uid ${USER} \\(alice\\) +sleep$`, 'm'));
    expect(said).toMatch(new RegExp(`^${outside.pid} +\\d+ +${USER} +open to uid ${USER} +cat$`, 'm'));
    const data = await withUsers(PASSWD, script, [...COMMAND, 'scan', '--uid', 'alice', '--json']);
    expect(data).toContain('"sleep"');
    expect(data).not.toContain('alice');
  });
});

it('scan --uid takes a name', async () => {
  const { stdout } = await tracegate(['scan', '--uid', 'root', '--json']);
  const { processes } = JSON.parse(stdout) as { processes: { uids: { effective: number } }[] };
  expect(new Set(processes.map(({ uids }) => uids.effective))).toEqual(new Set([0]));
});
