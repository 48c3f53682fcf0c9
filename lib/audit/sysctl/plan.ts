import type { FileTree, Unreadable } from '../tree/file-tree.js';
import type { Origin, ParsedFile, SysctlLine } from './line.js';

export type { Unreadable };

/** A line and its file. */
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
  /** False if the loader's write depends on facts that the tree doesn't show. */
  isCertain: boolean;
  /** The call of a program that a refused write ends: none of its later writes is made. */
  call?: object;
}

/** A configuration file in the order of reading. */
export interface ConfigurationFile {
  path: string;
  /** The file whose own name the loader treats as a pattern that matches this file; or null. */
  via: string | null;
  /** The path after links are followed; null if there is nothing to read. */
  target: string | null;
  lines: SysctlLine[];
  /** The line at which the loader stops reading the file, or null. */
  stoppedAt: number | null;
}

/** The files and writes of one program for one key, in the program's order, and the lines without effect. */
export interface SysctlPlan {
  files: ConfigurationFile[];
  masked: { path: string; by: string }[];
  /** Files in the program's directories that the program ignores. */
  ignored: string[];
  writes: PlannedWrite[];
  idle: IdleSetting[];
  /** Files that may hold unseen lines. If there is any, the resulting value is unknown. */
  unreadable: Unreadable[];
}

export type Parse = (text: string) => ParsedFile;

/** A program that reads sysctl.d. Keys are paths below /proc/sys. */
export interface SysctlLoad {
  plan(tree: FileTree, key: string): SysctlPlan;
  parse: Parse;
  /** True if a line with this key or pattern may apply to `key`. */
  concerns(spelled: string, key: string): boolean;
}

/** `sysctl -p FILE...` of one program, which treats the files of a call alike, whatever their directories. */
export interface SysctlProgram {
  /** Plans the writes of one call. */
  load(tree: FileTree, reader: PlanReader, paths: readonly string[], key: string): SysctlPlan;
  parse: Parse;
  concerns: SysctlLoad['concerns'];
}

/** Reads files for one plan, and collects the files that can't be read. */
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

export const planOf = (
  reader: PlanReader,
  files: ConfigurationFile[],
  writes: PlannedWrite[],
  idle: IdleSetting[],
): SysctlPlan => ({ files, masked: [], ignored: [], writes, idle, unreadable: reader.unreadable });

export const settingsOf = (files: readonly ConfigurationFile[]): Setting[] =>
  files.flatMap(({ path, lines }) => lines.map(line => ({ ...line, file: path })));

export const originOf = ({ file, line }: Setting): Origin => ({ file, line });

export const idle = (
  setting: Setting,
  fate: IdleFate,
  by: Origin | null = null,
  because: string | null = null,
): IdleSetting => ({ setting, fate, by, because });

/** The malformed lines that contain the key. */
export function malformed(settings: Setting[], key: string): IdleSetting[] {
  return settings
    .filter(
      ({ kind, text }) =>
        kind === 'malformed' && text.replaceAll('/', '.').includes(key.replaceAll('/', '.')),
    )
    .map(setting => idle(setting, 'malformed'));
}
