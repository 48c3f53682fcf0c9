import type { TreeReader } from '../../tree/tree-reader.js';
import { writtenBy } from './commands.js';
import type { OtherWriter } from './other-writer.js';

/** For each kind of extension: the unit that merges it, its places, and what it may bring. */
const KINDS = [
  {
    unit: 'systemd-confext.service',
    places: ['/var/lib/confexts', '/usr/lib/confexts', '/usr/local/lib/confexts'],
    brings: ['etc/sysctl.d'],
  },
  {
    unit: 'systemd-sysext.service',
    places: ['/etc/extensions', '/var/lib/extensions', '/usr/lib/extensions', '/usr/local/lib/extensions'],
    brings: ['usr/lib/sysctl.d', 'usr/local/lib/sysctl.d'],
  },
] as const;
const WANTS = ['/etc/systemd/system', '/usr/lib/systemd/system'].map(one => `${one}/sysinit.target.wants`);

/**
 * System and configuration extensions that are merged at boot, in no fixed order with systemd-sysctl. Directories are read; an image
 * can't be looked into.
 */
export function extensionWriters(reader: TreeReader, key: string): OtherWriter[] {
  return KINDS.flatMap(({ unit, places, brings }) => {
    if (WANTS.every(directory => reader.tree.resolve(`${directory}/${unit}`).kind === 'missing')) return [];
    return places.flatMap(place =>
      reader.names(place).flatMap((name): OtherWriter[] => {
        const path = `${place}/${name}`;
        const about = { kind: 'extension', when: 'any-time' } as const;
        if (reader.tree.resolve(path).kind === 'file')
          return [
            { ...about, file: path, line: null, text: 'an image, which is not looked into', value: null },
          ];
        return brings.flatMap(directory =>
          reader.names(`${path}/${directory}`).flatMap(file => {
            const full = `${path}/${directory}/${file}`;
            return (reader.text(full) ?? '').split('\n').flatMap((text, at) => {
              const written = writtenBy(text, key);
              return written === null
                ? []
                : [{ ...about, file: full, line: at + 1, text: text.trim(), ...written }];
            });
          }),
        );
      }),
    );
  });
}
