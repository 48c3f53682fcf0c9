// A process with the marks of a container: a /run of its own, where a container manager has left its name.
import { spawnSync } from 'node:child_process';
import { ObedientProcess } from './processes.js';

const MARK =
  'mount -t tmpfs none /run && mkdir /run/systemd && echo rkt > /run/systemd/container && exec "$@"';
const CAPABILITY = 'sys_ptrace';

export interface Container {
  /** An ordinary user in it. */
  user: ObedientProcess;
  /** What gdb said, and how it ended, as root of it: the command of a remedy, where sudo need not be installed. */
  debugAsRoot(command: string): string;
}

/** @param lacksPtrace its capability bounding set has no CAP_SYS_PTRACE, as Docker's */
export async function startContainer({ lacksPtrace = false } = {}): Promise<Container> {
  const bounded = lacksPtrace
    ? ['setpriv', '--bounding-set', `-${CAPABILITY}`, '--inh-caps', `-${CAPABILITY}`]
    : [];
  const through = [...'unshare --mount sh -c'.split(' '), MARK, 'sh', ...bounded];
  const asUser = 'setpriv --reuid 1000 --regid 1000 --clear-groups'.split(' ');
  const user = await ObedientProcess.start('', [...through, ...asUser]);
  const enter = ['nsenter', '--target', `${user.pid}`, '--mount', ...bounded];
  return {
    user,
    debugAsRoot(command) {
      const words = command.replace(/^sudo gdb/, 'gdb -nx -batch').split(' ');
      const [program = '', ...rest] = [...enter, ...words];
      const { stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
      return `${stdout}${stderr}`;
    },
  };
}

/** gdb's words for a refused attach. */
export const REFUSED = /ptrace: Operation not permitted/;
