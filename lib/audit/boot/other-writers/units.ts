import type { TreeReader } from '../../tree/tree-reader.js';
import { writingLines } from './commands.js';
import type { OtherWriter, WritingLine } from './other-writer.js';

const DIRECTORIES = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
/** The loader itself, and SUSE's units for files of the kernel, which boot-sysctl.ts has. */
const LOADERS = /^(?:systemd-sysctl|procps|boot-sysctl|kernel-sysctl)\.service$/;
const EXEC = /^\s*Exec(?:Start|StartPre|StartPost|Condition)\s*=/;
const PULLS = /\.(?:wants|requires|upholds)$/;
const NAMES_UNIT =
  /^\s*(?:Wants|Requires|Requisite|BindsTo|Upholds|Unit|OnSuccess|OnFailure|Sockets|Service|Also)\s*=/;

/**
 * Units whose Exec lines write the key, if something starts them: a link of a `.wants` directory, a line of another unit, a timer.
 * A unit that nothing names is not started at boot.
 */
export function unitWriters(reader: TreeReader, key: string): OtherWriter[] {
  const files = new Map<string, string>();
  const pulled = new Set<string>();
  const dropIns: { unit: string; file: string }[] = [];
  const seen = new Set<string>();
  for (const directory of DIRECTORIES) {
    const found = reader.tree.resolve(directory);
    if (found.kind !== 'directory' || seen.has(found.path)) continue;
    seen.add(found.path);
    for (const name of reader.names(directory)) {
      const path = `${directory}/${name}`;
      if (PULLS.test(name)) for (const unit of reader.names(path)) pulled.add(unit);
      else if (name.endsWith('.service.d'))
        for (const file of reader.names(path))
          if (file.endsWith('.conf')) dropIns.push({ unit: name.slice(0, -2), file: `${path}/${file}` });
      if (/\.(?:service|timer|path|socket|target)$/.test(name) && !files.has(name)) files.set(name, path);
    }
  }
  const texts = [...files].flatMap(([name, file]) => {
    const text = reader.tree.resolve(file).kind === 'file' ? reader.text(file) : null;
    return text === null ? [] : [{ name, file, text }];
  });
  const lines = [
    ...texts.map(({ name, file, text }) => ({ unit: name, lines: execLines(reader, key, file, text) })),
    ...dropIns.map(({ unit, file }) => ({
      unit,
      lines: execLines(reader, key, file, reader.text(file) ?? ''),
    })),
  ].filter(({ unit, lines: found }) => found.length > 0 && !LOADERS.test(unit));
  return lines
    .filter(({ unit }) => isPulled(unit, pulled, texts))
    .flatMap(({ lines: found }) => found)
    .map(line => ({ kind: 'unit', when: 'any-time', ...line }));
}

/** Continued lines are one line for systemd; here each is looked at. */
function execLines(reader: TreeReader, key: string, file: string, text: string): WritingLine[] {
  let isExec = false;
  return text.split('\n').flatMap((line, at) => {
    if (!isExec && !EXEC.test(line)) return [];
    isExec = line.endsWith('\\');
    const command = line.replace(EXEC, '');
    return writingLines(reader, key, file, command).map(found =>
      found.file === file ? { ...found, line: at + 1, text: line.trim() } : found,
    );
  });
}

function isPulled(
  unit: string,
  pulled: ReadonlySet<string>,
  texts: readonly { name: string; text: string }[],
): boolean {
  const template = unit.replace(/@\.service$/, '@');
  const isNamed = (name: string) => name === unit || (template !== unit && name.startsWith(template));
  if ([...pulled].some(isNamed)) return true;
  return texts.some(
    ({ name, text }) =>
      name !== unit &&
      (name.replace(/\.\w+$/, '') === unit.replace(/\.\w+$/, '') ||
        text.split('\n').some(line => NAMES_UNIT.test(line) && line.split(/[=\s]+/).some(isNamed))),
  );
}
