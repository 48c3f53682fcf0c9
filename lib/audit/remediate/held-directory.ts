import { closeSync, constants, fchmodSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { hasDefaultAcl } from '../../kernel/extended-attributes.js';
import { isSystemError } from '../../kernel/proc-files.js';

const AS_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * A directory that is held open. Operations on a name stay in this directory, even if its path is replaced meanwhile. Names and
 * paths are latin1, one character for each byte.
 */
export class HeldDirectory {
  readonly #fd: number;

  /**
   * Opens a path below `root`, one component after the other. No component may be a link, since `path` is already resolved
   * inside the tree. With `makes` the last directory is created if it is missing.
   *
   * @throws SystemError `ENOTDIR` if a component is a link or isn't a directory
   */
  static open(root: string, path: string, makes: boolean): HeldDirectory {
    let held = new HeldDirectory(openSync(root, AS_DIRECTORY & ~constants.O_NOFOLLOW));
    const names = path.split('/').filter(name => name !== '');
    for (const [at, name] of names.entries()) {
      const above = held;
      try {
        held = above.#enter(name, makes && at === names.length - 1);
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
    const made = new HeldDirectory(openSync(path, AS_DIRECTORY));
    // The umask may have taken bits away.
    if (!this.givesAcl()) fchmodSync(made.#fd, 0o755);
    return made;
  }

  /** True if a default ACL gives each new file here its permissions. */
  givesAcl(): boolean {
    return hasDefaultAcl(this.#fd);
  }

  /** The path of a name in this directory, for system calls that don't follow a link there. */
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
