import type { TreeReader } from '../../tree/tree-reader.js';
import { type BootEntry, bootDirectories } from './boot-entry.js';
import type { GrubMenus } from './grub.js';
import { OTHERS } from './grub-interpreter.js';

const VARIABLE = /\$\{?(\w+)\}?/;
const MOST_TEXTS = 32;

/**
 * The command lines of the entries in loader/entries. systemd-boot takes `options` as it is. GRUB's blscfg replaces variables.
 *
 * UAPI.1, Boot Loader Specification, type 1; Fedora's GRUB: grub-core/commands/blscfg.c, expand_val()
 */
export function loaderEntries(reader: TreeReader, { variables }: GrubMenus): BootEntry[] {
  return bootDirectories
    .map(directory => `${directory}/loader/entries`)
    .flatMap(directory =>
      reader
        .names(directory)
        .filter(name => name.endsWith('.conf'))
        .flatMap(name => entriesOf(reader, `${directory}/${name}`, variables)),
    );
}

function entriesOf(reader: TreeReader, file: string, variables: GrubMenus['variables']): BootEntry[] {
  const lines = (reader.text(file) ?? '').split('\n');
  const options = lines.flatMap((text, at) => {
    const value = /^\s*options[ \t]+(.*?)\s*$/.exec(text)?.[1];
    return value === undefined ? [] : [{ line: at + 1, value }];
  });
  const boots = lines.some(text => /^\s*(?:linux|efi|uki)[ \t]/.test(text));
  if (!boots && options.length === 0) return [];
  const line = options[0]?.line ?? 1;
  let texts = [options.map(({ value }) => value).join(' ')];
  for (let name = nextVariable(texts); name !== null; name = nextVariable(texts)) {
    const value = variables?.get(name) ?? variables?.get(OTHERS);
    if (value === undefined && variables === null)
      reader.add(`${file}:${line}`, `there is no grub.cfg, which would tell what $${name} is`);
    if (value?.unknown) reader.add(`${file}:${line}`, value.unknown);
    const all = value === undefined ? [''] : [...value.texts];
    texts = texts.flatMap(text => all.map(one => text.replace(VARIABLE, () => one.replaceAll('$', ''))));
    if (texts.length > MOST_TEXTS) {
      reader.add(`${file}:${line}`, 'its variables have many values');
      break;
    }
  }
  return texts.map(commandLine => ({ file, line, commandLine: commandLine.trim() }));
}

const nextVariable = (texts: readonly string[]) => VARIABLE.exec(texts[0] ?? '')?.[1] ?? null;
