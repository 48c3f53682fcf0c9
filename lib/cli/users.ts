import { readFileSync, statSync } from 'node:fs';
import { isSystemError } from '../kernel/proc-files.js';
import { parseNumber, UsageError } from './command.js';
import { isName } from './processes.js';

const FILES = { user: '/etc/passwd', group: '/etc/group' } as const;

/** A line of /etc/passwd or /etc/group: passwd(5), group(5). */
interface Entry {
  name: string;
  id: number;
  /** Of a user: the login group. */
  group: number | null;
}

function entriesOf(file: string): Entry[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap(line => {
      const [name = '', , id = '', group = ''] = line.split(':');
      const number = parseNumber(id);
      // A line such as `+::::::` stands for a directory service.
      return name === '' || number === null ? [] : [{ name, id: number, group: parseNumber(group) }];
    });
}

/** @param option as on the command line, for the error */
function entryOf(kind: keyof typeof FILES, name: string, option: string): Entry {
  const file = FILES[kind];
  const shown = `${option} ${JSON.stringify(name)}`;
  const word = /^[\w.-]+$/.test(name) ? name : 'NAME';
  const remedy = `give a number (${kind === 'user' ? 'id -u' : 'getent group'} ${word} prints it)`;
  let entries: Entry[];
  try {
    entries = entriesOf(file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError(`${shown}: ${file} can't be read (${error.code}): ${remedy}`);
  }
  const found = entries.find(entry => entry.name === name);
  if (found === undefined) throw new UsageError(`${shown}: ${file} has no such ${kind}: ${remedy}`);
  return found;
}

/** The largest id stands for none: setresuid(2). */
const LARGEST_ID = 2 ** 32 - 2;

const idIn = (text: string): number | null => {
  const id = parseNumber(text);
  return id !== null && id >= 0 && id <= LARGEST_ID ? id : null;
};

/** A uid, given as a number or by the name that /etc/passwd has for it. Null: it is neither. */
export const uidOf = (text: string, option: string): number | null =>
  isName(text) ? entryOf('user', text, option).id : idIn(text);

/** `USER:GROUP`, or the name of a user alone, with the login group. Null: it is neither. */
export function idsOf(text: string, option: string): { uid: number; gid: number } | null {
  const [user = '', group, ...more] = text.split(':');
  if (more.length > 0) return null;
  if (group === undefined) {
    const entry = isName(user) ? entryOf('user', user, option) : null;
    return entry?.group == null ? null : { uid: entry.id, gid: entry.group };
  }
  const uid = uidOf(user, option);
  const gid = isName(group) ? entryOf('group', group, option).id : idIn(group);
  return uid === null || gid === null ? null : { uid, gid };
}

/** Device and inode. Null: it isn't seen. */
function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** The names of uids, for text. */
export class UserNames {
  readonly #names = new Map<number, string>();
  readonly #identity = identityOf(FILES.user);

  constructor() {
    try {
      for (const { name, id } of entriesOf(FILES.user).reverse()) this.#names.set(id, name);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  /** The name of a process' uid. Null also where the process may have other users: in a container, which has its own file. */
  nameFor(pid: number, uid: number): string | null {
    const name = this.#names.get(uid);
    if (name === undefined || this.#identity === null) return null;
    return identityOf(`/proc/${pid}/root${FILES.user}`) === this.#identity ? name : null;
  }
}
