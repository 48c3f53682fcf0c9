import { closeSync, constants, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { isSystemError } from '../kernel/proc-files.js';

const AS_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * A directory that is held open: what is done to a name in it is done there, wherever its path leads meanwhile. Names and paths
 * are latin1, one character a byte.
 */
export class HeldDirectory {
  readonly #fd: number;

  /**
   * Each component of a path from `root` on, of which none may be a link: those were followed inside of the tree when the path
   * was found. The last one is made where it is missing.
   *
   * @throws SystemError `ENOTDIR` where one has become a link, or leads nowhere
   */
  static open(root: string, path: string): HeldDirectory {
    let held = new HeldDirectory(openSync(root, AS_DIRECTORY & ~constants.O_NOFOLLOW));
    const names = path.split('/').filter(name => name !== '');
    for (const [at, name] of names.entries()) {
      const above = held;
      try {
        held = above.#enter(name, at === names.length - 1);
      } finally {
        above.close();
      }
    }
    return held;
  }

  private constructor(fd: number) {
    this.#fd = fd;
  }

  #enter(name: string, makes: boolean): HeldDirectory {
    const path = this.at(name);
    try {
      return new HeldDirectory(openSync(path, AS_DIRECTORY));
    } catch (error) {
      if (!makes || !isSystemError(error) || error.code !== 'ENOENT') throw error;
    }
    mkdirSync(path, { mode: 0o755 });
    return new HeldDirectory(openSync(path, AS_DIRECTORY));
  }

  /** The path of a name in it, for calls that don't follow a link there. */
  at(name: string): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#fd}/`), Buffer.from(name, 'latin1')]);
  }

  sync(): void {
    fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
