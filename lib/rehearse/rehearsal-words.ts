import { printable } from '../printable.js';
import type { Program } from './rehearsal.js';

export function programName({ path, comm }: Program): string {
  if (path !== null) return printable(path);
  return comm === null ? 'a program that was not seen' : `${printable(comm)} (its file was not seen)`;
}
