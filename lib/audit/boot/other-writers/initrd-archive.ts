import * as zlib from 'node:zlib';

/** A file or link of an initrd. */
export interface InitrdEntry {
  path: string;
  isLink: boolean;
  /** The content of a file, or the target of a link, in latin1. */
  text: string;
}

const LARGEST = 2 ** 30;
const HEADER = 110;
const MAGIC = /^07070[12]$/;
const [TYPE, LINK, FILE] = [0o170000, 0o120000, 0o100000];

/** The compressions of an initrd by their first bytes. Linux: lib/decompress.c */
const COMPRESSIONS: readonly [name: string, magic: string][] = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['xz', 'fd377a585a00'],
  ['lz4', '02214c18'],
  ['lz4', '04224d18'],
  ['lzma', '5d0000'],
  ['bzip2', '425a68'],
  ['lzop', '894c5a'],
];

/** Node has zstd since 22.15. */
const DECOMPRESS: Record<
  string,
  ((bytes: Buffer, options: { maxOutputLength: number }) => Buffer) | undefined
> = {
  gzip: zlib.gunzipSync,
  zstd: 'zstdDecompressSync' in zlib ? (zlib.zstdDecompressSync as typeof zlib.gunzipSync) : undefined,
};

/**
 * The entries of an initrd for which `wants` is true: archives one after the other, of which the last may be compressed. Gives a text
 * that says why, if the initrd can't be looked into.
 *
 * Linux: init/initramfs.c, unpack_to_rootfs(); Documentation/driver-api/early-userspace/buffer-format.rst
 */
export function initrdEntries(bytes: Buffer, wants: (path: string) => boolean): InitrdEntry[] | string {
  const entries: InitrdEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    if (!MAGIC.test(bytes.toString('latin1', at, at + 6))) {
      const rest = bytes.subarray(at);
      const begin = rest.toString('hex', 0, 6);
      const [name] = COMPRESSIONS.find(([, magic]) => begin.startsWith(magic)) ?? [];
      if (name === undefined) return 'its format is not known';
      const decompress = DECOMPRESS[name];
      if (decompress === undefined) return `this Node can't read ${name}`;
      try {
        const inner = initrdEntries(decompress(rest, { maxOutputLength: LARGEST }), wants);
        return typeof inner === 'string' ? inner : [...entries, ...inner];
      } catch (error) {
        return `${name}: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    const field = (index: number) =>
      Number.parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const begin = aligned(at + HEADER + nameSize);
    if (Number.isNaN(mode + size + nameSize) || begin + size > bytes.length) return 'it is cut off';
    const path = `/${bytes.toString('latin1', at + HEADER, at + HEADER + nameSize - 1).replace(/^(?:\.?\/)+/, '')}`;
    const type = mode & TYPE;
    if ((type === FILE || type === LINK) && wants(path))
      entries.push({ path, isLink: type === LINK, text: bytes.toString('latin1', begin, begin + size) });
    at = aligned(begin + size);
  }
  return entries;
}

const aligned = (at: number) => Math.ceil(at / 4) * 4;
