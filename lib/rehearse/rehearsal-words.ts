import { counted } from '../map/graph/names.js';
import { printable } from '../printable.js';
import type { Limit, Program } from './rehearsal.js';

export function programName({ path, comm }: Program): string {
  if (path !== null) return printable(path);
  return comm === null ? 'a program that was not seen' : `${printable(comm)} (its file was not seen)`;
}

const LIMITS: Record<Limit['kind'], string> = {
  gap: 'events are missing',
  blind: 'not recorded',
  filter: 'only a part was recorded',
  pair: 'not counted',
  file: 'not read',
};

export const limitText = ({ kind, because, recordings }: Limit): string =>
  `${LIMITS[kind]} (${counted(recordings, kind === 'file' ? 'file' : 'recording')}): ${printable(because)}`;
