import { posix } from 'node:path';
import type { TreeReader } from '../../tree/tree-reader.js';
import { type BootEntry, bootDirectories } from './boot-entry.js';

/** A section of a PE file: its place in the file. */
interface Section {
  name: string;
  from: number;
  length: number;
}

const HEADERS = 4096;
const LONGEST_COMMAND_LINE = 65536;
const SECTION_SIZE = 40;

/**
 * The command lines of unified kernel images: the section `.cmdline`, one for each profile, with those of the add-ons beside it.
 *
 * UAPI.5, Unified Kernel Image; systemd: src/boot/stub.c
 */
export function unifiedImageEntries(reader: TreeReader): BootEntry[] {
  return bootDirectories.flatMap(directory => {
    const addons = commandLinesIn(reader, `${directory}/loader/addons`, '.addon.efi');
    return images(reader, `${directory}/EFI/Linux`, '.efi').flatMap(file => {
      const own = commandLinesIn(reader, `${file}.extra.d`, '.addon.efi');
      const added = [...addons, ...own].map(({ commandLine }) => commandLine);
      return commandLinesOf(reader, file).map(commandLine => ({
        file,
        line: 1,
        commandLine: [commandLine, ...added].join(' ').trim(),
      }));
    });
  });
}

const images = (reader: TreeReader, directory: string, ending: string) =>
  reader
    .names(directory)
    .filter(name => name.toLowerCase().endsWith(ending))
    .map(name => posix.join(directory, name));

const commandLinesIn = (reader: TreeReader, directory: string, ending: string) =>
  images(reader, directory, ending).flatMap(file =>
    commandLinesOf(reader, file).map(commandLine => ({ file, commandLine })),
  );

function commandLinesOf(reader: TreeReader, file: string): string[] {
  const sections = peSections(reader, file);
  if (sections === null) return [];
  const lines = sections.filter(({ name }) => name === '.cmdline');
  if (lines.length === 0) return [''];
  return lines.flatMap(({ from, length }) => {
    const content = reader.tree.read(file, { from, length: Math.min(length, LONGEST_COMMAND_LINE) });
    return content.kind === 'text' ? [content.text.replaceAll('\0', '').trim()] : [];
  });
}

/** The sections of a PE file; null if it is none, or can't be read. PE format: the COFF header, and the section table. */
export function peSections(reader: TreeReader, file: string): Section[] | null {
  const content = reader.tree.read(file, { from: 0, length: HEADERS });
  if (content.kind === 'unreadable') reader.add(file, content.cause);
  if (content.kind !== 'text') return null;
  const bytes = Buffer.from(content.text, 'latin1');
  const number = (at: number) => (at + 4 <= bytes.length ? bytes.readUInt32LE(at) : 0);
  const short = (at: number) => (at + 2 <= bytes.length ? bytes.readUInt16LE(at) : 0);
  const header = number(0x3c);
  if (content.text.slice(0, 2) !== 'MZ' || content.text.slice(header, header + 4) !== 'PE\0\0') {
    reader.add(file, 'it is no PE file');
    return null;
  }
  const table = header + 24 + short(header + 20);
  return Array.from({ length: short(header + 6) }, (_, index) => {
    const at = table + index * SECTION_SIZE;
    return {
      name: content.text.slice(at, at + 8).replace(/\0+$/, ''),
      length: Math.min(number(at + 8), number(at + 16)),
      from: number(at + 20),
    };
  });
}
