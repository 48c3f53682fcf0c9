import { posix } from 'node:path';
import type { TreeReader } from '../../tree/tree-reader.js';
import { type BootEntry, bootDirectories } from './boot-entry.js';
import { exactly, type GrubVariables, grubEnvironment } from './grub-environment.js';
import { OTHERS, runGrubScript } from './grub-interpreter.js';

/** GRUB's menus, and the variables that entries of the boot loader specification may use; null without GRUB. */
export interface GrubMenus {
  entries: BootEntry[];
  variables: GrubVariables | null;
}

/** The directories with a grub.cfg: distributions differ, and the EFI system partition has one for each distribution. */
function directories(reader: TreeReader): string[] {
  const onPartition = bootDirectories.flatMap(directory =>
    reader.names(`${directory}/EFI`).map(name => `${directory}/EFI/${name}`),
  );
  return ['/boot/grub', '/boot/grub2', ...onPartition];
}

/** The kernel command lines in grub.cfg, and in the files that it sources. */
export function grubMenus(reader: TreeReader): GrubMenus {
  const menus: GrubMenus = { entries: [], variables: null };
  const seen = new Set<string>();
  for (const directory of directories(reader)) {
    const found = reader.tree.resolve(`${directory}/grub.cfg`);
    if (found.kind === 'unreadable') reader.add(`${directory}/grub.cfg`, found.cause);
    if (found.kind !== 'file' || seen.has(found.path)) continue;
    seen.add(found.path);
    const { entries, variables } = runGrubScript(
      `${directory}/grub.cfg`,
      environment(reader, directory),
      path => reader.text(path),
    );
    menus.variables = new Map([...(menus.variables ?? []), ...variables]);
    for (const { file, line, commandLine } of entries) {
      if (commandLine.unknown !== null) reader.add(`${file}:${line}`, commandLine.unknown);
      for (const text of commandLine.texts) menus.entries.push({ file, line, commandLine: text });
    }
  }
  return menus;
}

function environment(reader: TreeReader, directory: string): GrubVariables {
  const path = posix.join(directory, 'grubenv');
  const content = reader.tree.read(path);
  if (content.kind === 'unreadable')
    return new Map([[OTHERS, { texts: new Set(), unknown: `${path}: ${content.cause}` }]]);
  return new Map([...(grubEnvironment(reader, path) ?? [])].map(([name, value]) => [name, exactly(value)]));
}
