// A root directory as data. The generator draws it, the shrinker reduces it, and a reproduction prints it.
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Paths, contents and targets are latin1. */
export type Entry =
  | { path: string; kind: 'file'; content: string }
  | { path: string; kind: 'link'; target: string }
  | { path: string; kind: 'directory' };

export interface Tree {
  /** The initial value of the key. */
  initial: string;
  entries: Entry[];
}

const bytes = (text: string) => Buffer.from(text, 'latin1');
const at = (root: string, path: string) => Buffer.concat([Buffer.from(root), bytes(path)]);

export const KEY_FILE = '/proc/sys/kernel/yama/ptrace_scope';

/**
 * Without what can't be planted: an entry at or below a link or a file that comes before it. Links lead where they like, also
 * out of the root, so nothing is ever made through one.
 */
export function plantable(entries: Entry[]): Entry[] {
  const planted: Entry[] = [];
  for (const entry of entries) {
    const isInTheWay = (other: Entry) =>
      entry.path === other.path ||
      other.path.startsWith(`${entry.path}/`) ||
      (other.kind !== 'directory' && entry.path.startsWith(`${other.path}/`));
    if (!planted.some(isInTheWay)) planted.push(entry);
  }
  return planted;
}

/** Into the new directory `root`. */
export function plant(tree: Tree, root: string) {
  mkdirSync(root);
  const makeDirectories = (path: string) => {
    const names = path.split('/').filter(name => name !== '');
    for (let depth = 1; depth <= names.length; depth++) {
      const directory = at(root, `/${names.slice(0, depth).join('/')}`);
      const stat = lstatSync(directory, { throwIfNoEntry: false });
      if (stat === undefined) mkdirSync(directory);
      else if (!stat.isDirectory()) throw new Error(`${directory} is no directory: not plantable()`);
    }
  };
  for (const entry of tree.entries) {
    makeDirectories(entry.kind === 'directory' ? entry.path : dirname(entry.path));
    if (entry.kind === 'link') symlinkSync(bytes(entry.target), at(root, entry.path));
    if (entry.kind === 'file') writeFileSync(at(root, entry.path), bytes(entry.content), { flag: 'wx' });
  }
  for (const directory of ['/etc', '/run', '/dev', dirname(KEY_FILE)]) makeDirectories(directory);
  writeFileSync(join(root, KEY_FILE), '', { flag: 'wx' });
}

/** printf's own spelling, in a shell's single quotes. */
function quoted(text: string): string {
  const octal = [...text].map(letter =>
    /[\w./=*?,{}[\] #;:@!~-]/.test(letter)
      ? letter
      : `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `'${octal.join('')}'`;
}

/** A script that plants the tree in the new directory $1, to reproduce a difference. */
export function asScript(tree: Tree): string {
  const name = (path: string) => `"$1$(printf '%b' ${quoted(path).replaceAll('\\', '\\0')})"`;
  const lines = tree.entries.map(entry => {
    const path = name(entry.path);
    const parent = `mkdir -p ${name(dirname(entry.path))}`;
    if (entry.kind === 'directory') return `mkdir -p ${path}`;
    if (entry.kind === 'link') return `${parent}; ln -s ${quoted(entry.target)} ${path}`;
    if (entry.content.length > 2 ** 16) return `${parent}; # ${entry.content.length} bytes for ${path}`;
    return `${parent}; printf ${quoted(entry.content).replaceAll('%', '%%')} >${path}`;
  });
  return ['#!/bin/sh', `# the key starts with ${tree.initial}`, 'set -eu; mkdir "$1"', ...lines].join('\n');
}
