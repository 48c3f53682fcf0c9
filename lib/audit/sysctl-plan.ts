import type { FileTree } from './file-tree.js';
import type { Origin, ParsedFile, SysctlLine } from './sysctl-line.js';

/** A line that concerns the key, in its file. */
export interface Setting extends SysctlLine {
  file: string;
}

/** Why a line writes nothing. */
export type IdleFate =
  | 'overridden'
  | 'masked'
  | 'not-read'
  | 'malformed'
  | 'excluded'
  | 'exclusion'
  | 'refused';

export interface IdleSetting {
  setting: Setting;
  fate: IdleFate;
  by: Origin | null;
  because: string | null;
}

export interface PlannedWrite {
  setting: Setting;
  /** False: whether the loader writes it here depends on what the tree doesn't tell. */
  isCertain: boolean;
}

/** A configuration file in the order of reading. */
export interface ConfigurationFile {
  path: string;
  /** The file whose own name was taken for a pattern, and found this one; or null. */
  via: string | null;
  /** The file itself where the path is a link, else the path; null: there is nothing to read. */
  target: string | null;
  lines: SysctlLine[];
  /** The line that the loader can't take, so that it reads no further; or null. */
  stoppedAt: number | null;
}

export interface Unreadable {
  path: string;
  cause: string;
}

/** What one program does to one key: the files in its order, what it writes in its order, and what comes to nothing. */
export interface SysctlPlan {
  files: ConfigurationFile[];
  masked: { path: string; by: string }[];
  /** In its directories, but not for it. */
  ignored: string[];
  writes: PlannedWrite[];
  idle: IdleSetting[];
  /** What could hold lines that were not seen. With any of them the plan is not known. */
  unreadable: Unreadable[];
}

export type Parse = (text: string) => ParsedFile;

/** A program that reads sysctl.d. Keys are paths below /proc/sys. */
export interface SysctlLoad {
  plan(tree: FileTree, key: string): SysctlPlan;
  parse: Parse;
  /** May a line with this key or pattern be about `key`? */
  concerns(spelled: string, key: string): boolean;
}

/** Reads for one plan; what can't be read is noted. */
export class PlanReader {
  readonly unreadable: Unreadable[] = [];
  readonly #tree: FileTree;

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  names(directory: string): string[] {
    const listing = this.#tree.list(directory);
    if (listing.kind === 'unreadable') this.unreadable.push({ path: directory, cause: listing.cause });
    return listing.kind === 'names' ? listing.names : [];
  }

  read(path: string, parse: Parse, via: string | null = null): ConfigurationFile {
    const found = this.#tree.resolve(path);
    const target = found.kind === 'file' ? found.path : null;
    const content = this.#tree.read(path);
    if (content.kind === 'text') return { path, via, target, ...parse(content.text) };
    if (content.kind === 'unreadable') this.unreadable.push({ path, cause: content.cause });
    return { path, via, target, lines: [], stoppedAt: null };
  }
}

export const originOf = ({ file, line }: Setting): Origin => ({ file, line });

export const idle = (
  setting: Setting,
  fate: IdleFate,
  by: Origin | null = null,
  because: string | null = null,
): IdleSetting => ({ setting, fate, by, because });

/** Lines that are no assignments, but look as if they were meant for the key. */
export function malformed(settings: Setting[], key: string): IdleSetting[] {
  return settings
    .filter(
      ({ kind, text }) =>
        kind === 'malformed' && text.replaceAll('/', '.').includes(key.replaceAll('/', '.')),
    )
    .map(setting => idle(setting, 'malformed'));
}
