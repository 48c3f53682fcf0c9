import { once } from 'node:events';
import { chmodSync, lstatSync, rmSync, type Stats } from 'node:fs';
import { connect, type Server, type Socket } from 'node:net';
import { dirname, isAbsolute } from 'node:path';
import { TracegateError } from '../errors.js';
import { launcherWord } from '../kernel/launch-options.js';
import { startLauncher } from '../kernel/launcher.js';
import { isSystemError } from '../kernel/proc-files.js';

/** The size of sun_path without the NUL at its end. Kernel: include/uapi/linux/un.h */
const LONGEST_PATH = 107;

const failure = (path: string, why: string, options?: ErrorOptions) =>
  new TracegateError(
    'ERR_TRACEGATE_GRANT_SOCKET',
    `the grant socket ${JSON.stringify(path)}: ${why}`,
    options,
  );

function statOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Refuses abstract names. An abstract name has no owner and no mode, so any process can take it first. */
function assertName(path: string): void {
  if (path.includes('\0') || path.startsWith('@'))
    throw failure(path, 'any process may take an abstract name: give the path of a file');
  if (!isAbsolute(path)) throw failure(path, 'give an absolute path');
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw failure(path, `it is longer than ${LONGEST_PATH} bytes, the most that a Unix socket takes`);
}

/** Checks that only our uid may enter the directory, so nobody else can replace the socket by a link or another socket. */
function assertPrivate(path: string): void {
  const directory = dirname(path);
  const stat = statOf(directory);
  const make = `mkdir -m 700 ${directory}, or RuntimeDirectory= and RuntimeDirectoryMode=0700 of systemd`;
  if (stat === null) throw failure(path, `its directory is not there: ${make}`);
  if (!stat.isDirectory()) throw failure(path, 'its parent is no directory, or is a link');
  if (stat.uid !== process.geteuid?.())
    throw failure(path, `its directory belongs to uid ${stat.uid}, not to the user of this process`);
  if ((stat.mode & 0o077) !== 0)
    throw failure(
      path,
      `its directory is open to others (mode 0${(stat.mode & 0o777).toString(8)}): ${make}`,
    );
}

const isListening = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve(false) : reject(error),
    );
  });

/** Removes a socket of ours at which nobody listens, which a killed process has left. @throws if anything else is there */
async function removeStale(path: string): Promise<void> {
  const stat = statOf(path);
  if (stat === null) return;
  if (!stat.isSocket() || stat.uid !== process.geteuid?.())
    throw failure(path, 'another file has that name already, and is kept: choose another path, or remove it');
  if (await isListening(path)) throw failure(path, 'another process serves it already');
  rmSync(path);
}

/**
 * Listens at a path that nobody else can reach: mode 0600, in a directory of ours with mode 0700.
 *
 * @throws TracegateError `ERR_TRACEGATE_GRANT_SOCKET`
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  assertName(path);
  assertPrivate(path);
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(failure(path, error.message, { cause: error })));
    // `exclusive`: in a worker of a cluster, this process listens itself instead of the primary.
    server.listen({ path, exclusive: true }, resolve);
  });
  chmodSync(path, 0o600);
}

/**
 * Starts a process that removes the socket when this process has ended, also by SIGKILL. See native/launch/socket_keeper.h.
 *
 * @returns a function that has the socket removed now
 */
export async function keepSocket(path: string): Promise<() => void> {
  const { dev, ino } = lstatSync(path, { bigint: true });
  const words = [launcherWord('hold-fd', 3), launcherWord('remove-socket', `${dev}:${ino}:${path}`)];
  const keeper = startLauncher(words, {
    // Neighbours can read the environment of the new process until it has closed itself.
    env: {},
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  await once(keeper, 'spawn');
  keeper.unref();
  const hold = keeper.stdio[3] as Socket;
  hold.on('error', () => {}); // the keeper has ended before us
  hold.unref();
  return () => void hold.destroy();
}
