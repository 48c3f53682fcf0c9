import { posix } from 'node:path';
import { bytewise } from '../sysctl/directories.js';
import type { FileTree } from '../tree/file-tree.js';

/**
 * The unit load path of the system manager, the directory with the highest priority first. Directories of /run are left out,
 * because /run is empty at boot. systemd: src/libsystemd/sd-path/path-lookup.c, lookup_paths_init()
 */
const DIRECTORIES = [
  '/etc/systemd/system.control',
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/usr/local/lib/systemd/system',
];
/** Of a systemd that is installed in /lib, as Debian's up to 11, /lib comes first. */
const OF_PACKAGES = ['/usr/lib/systemd/system', '/lib/systemd/system'];
/** FOLLOW_MAX, src/shared/unit-file.c */
const MOST_ALIASES = 8;

/** An assignment in a unit file. */
export interface UnitSetting {
  section: string;
  key: string;
  value: string;
  file: string;
  line: number;
}

export type Unit =
  | { state: 'loaded'; id: string; file: string; names: readonly string[]; settings: UnitSetting[] }
  | { state: 'masked'; id: string; file: string }
  /** systemd refuses it. */
  | { state: 'invalid'; id: string; file: string; because: string }
  /** There is no such file, or it is a link to nothing. */
  | { state: 'missing'; file: string | null }
  | { state: 'unreadable'; file: string; cause: string };

export interface Dependency {
  /** The name of the wanted unit. */
  name: string;
  /** If the wanted unit can't be started, the unit that requires it can't either. */
  isRequired: boolean;
  file: string;
  line: number | null;
}

const ending = (name: string) => name.slice(name.lastIndexOf('.') + 1);
const isUnitName = (name: string) =>
  /^[\w:.\\@-]+\.(service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$/.test(name);

/**
 * Parses a unit file. A backslash at the end continues a line; comments inside the continued line are skipped.
 *
 * systemd: src/shared/conf-parser.c, config_parse()
 */
export function parseUnit(text: string, file: string): UnitSetting[] {
  const settings: UnitSetting[] = [];
  let section = '';
  let continued: { text: string; line: number } | null = null;
  const take = (content: string, line: number) => {
    const header = /^\[(.*)\]$/.exec(content);
    if (header !== null) section = header[1] ?? '';
    const equals = content.indexOf('=');
    if (header !== null || equals < 1) return;
    const [key, value] = [content.slice(0, equals).trim(), content.slice(equals + 1).trim()];
    settings.push({ section, key, value, file, line });
  };
  for (const [at, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (/^[#;]/.test(content)) continue;
    const whole: string = continued === null ? content : `${continued.text} ${content}`;
    const line: number = continued?.line ?? at + 1;
    if (/(?:^|[^\\])(?:\\\\)*\\$/.test(whole)) continued = { text: whole.slice(0, -1), line };
    else {
      continued = null;
      take(whole, line);
    }
  }
  if (continued !== null) take(continued.text, continued.line);
  return settings;
}

/** Units of these types require sysinit.target, unless they say DefaultDependencies=no. */
const NEEDS_SYSINIT = /\.(service|socket|timer|path)$/;

const isFalse = (value: string) => /^(0|no|n|false|f|off)$/i.test(value);

function hasDefaultDependencies(settings: readonly UnitSetting[]): boolean {
  const value = settings.findLast(({ section, key }) => section === 'Unit' && key === 'DefaultDependencies');
  return value === undefined || !isFalse(value.value);
}

/** The lines of a list such as `ExecStart=`. An empty assignment clears the list. */
export function listed(settings: readonly UnitSetting[], section: string, key: string): UnitSetting[] {
  const lines = settings.filter(one => one.section === section && one.key === key);
  return lines.slice(lines.findLastIndex(({ value }) => value === '') + 1);
}

const isTrue = (value: string) => /^(1|yes|y|true|t|on)$/i.test(value);

const TYPES = /^(simple|exec|forking|oneshot|dbus|notify|notify-reload|idle)$/;
const RESTARTS = /^(no|always|on-(success|failure|abnormal|abort|watchdog))$/;

/** The last value counts. systemd ignores a value that it doesn't know. */
const lastOf = (settings: readonly UnitSetting[], section: string, key: string, takes = /./): string | null =>
  settings.findLast(one => one.section === section && one.key === key && takes.test(one.value))?.value ??
  null;

/** Why systemd refuses a service; null: it takes it. src/core/service.c, service_add_extras(), service_verify() */
function faultOf(settings: readonly UnitSetting[]): string | null {
  const commands = listed(settings, 'Service', 'ExecStart').flatMap(({ value }) => value.split(/\s;\s/));
  const hasSuccessAction = (lastOf(settings, 'Unit', 'SuccessAction') ?? 'none') !== 'none';
  const hasBusName = lastOf(settings, 'Service', 'BusName') !== null;
  const usual = hasBusName ? 'dbus' : commands.length > 0 ? 'simple' : 'oneshot';
  const type = lastOf(settings, 'Service', 'Type', TYPES) ?? usual;
  if (commands.length === 0) {
    const isLasting = isTrue(lastOf(settings, 'Service', 'RemainAfterExit') ?? '');
    const hasStop = listed(settings, 'Service', 'ExecStop').length > 0;
    const isEnough = hasSuccessAction || (hasStop && isLasting);
    return type === 'oneshot' && isEnough ? null : 'has no ExecStart=';
  }
  if (type !== 'oneshot' && commands.length > 1)
    return 'has more than one ExecStart=, and is not Type=oneshot';
  const restart = lastOf(settings, 'Service', 'Restart', RESTARTS);
  if (type === 'oneshot' && (restart === 'always' || restart === 'on-success'))
    return `is Type=oneshot, for which systemd refuses Restart=${restart}`;
  return type === 'dbus' && !hasBusName ? 'is Type=dbus, and has no BusName=' : null;
}

/** The unit files of a tree, as the system manager resolves them. systemd 252: src/shared/unit-file.c, src/core/load-dropin.c */
export class UnitFiles {
  readonly #tree: FileTree;
  /** Units that `systemd.mask=` masks, by a file in the generators' directory with the highest priority. */
  readonly #masked: ReadonlySet<string>;
  readonly #directories: readonly string[];
  readonly #names = new Map<string, ReadonlySet<string>>();
  readonly #units = new Map<string, Unit>();
  #aliases: Map<string, string[]> | null = null;
  /** Directories that can't be listed. */
  readonly unreadable: { path: string; cause: string }[] = [];

  constructor(tree: FileTree, masked: readonly string[]) {
    this.#tree = tree;
    this.#masked = new Set(masked);
    const systemd = tree.resolve('/lib/systemd/systemd');
    const isInLib = systemd.kind === 'file' && systemd.path.startsWith('/lib/');
    const seen = new Set<string>();
    this.#directories = [...DIRECTORIES, ...(isInLib ? [...OF_PACKAGES].reverse() : OF_PACKAGES)].filter(
      directory => {
        const found = tree.resolve(directory);
        const place = found.kind === 'directory' ? found.path : directory;
        return !seen.has(place) && seen.add(place);
      },
    );
  }

  /** The names in a directory. */
  #list(directory: string): ReadonlySet<string> {
    const known = this.#names.get(directory);
    if (known !== undefined) return known;
    const listing = this.#tree.list(directory);
    if (listing.kind === 'unreadable') this.unreadable.push({ path: directory, cause: listing.cause });
    const names = new Set(listing.kind === 'names' ? listing.names : []);
    this.#names.set(directory, names);
    return names;
  }

  /** The name that a link in the load path stands for; null if the link leads out of the load path, or isn't a link. */
  #aliasOf(directory: string, name: string): string | null {
    const target = this.#tree.readLink(`${directory}/${name}`);
    if (target === null) return null;
    const absolute = target.startsWith('/') ? target : `${directory}/${target}`;
    const above = this.#tree.resolve(posix.dirname(absolute));
    const place = above.kind === 'directory' ? above.path : posix.normalize(posix.dirname(absolute));
    const isInside = this.#directories.some(one => {
      const found = this.#tree.resolve(one);
      const root = found.kind === 'directory' ? found.path : one;
      return place === root || place.startsWith(`${root}/`);
    });
    return isInside ? posix.basename(absolute) : null;
  }

  /** The entry of a name in the directory with the highest priority: a file, or the name that a link stands for. */
  #entry(name: string): { file: string; alias: string | null } | null {
    for (const directory of this.#directories) {
      if (!this.#list(directory).has(name)) continue;
      const alias = this.#aliasOf(directory, name);
      // A link to its own name in another directory has no effect, and a link to another type of unit is refused.
      if (alias !== null && (alias === name || ending(alias) !== ending(name))) continue;
      return { file: `${directory}/${name}`, alias };
    }
    return null;
  }

  /** Resolves a name to a unit file. */
  #find(name: string): { id: string; file: string } | null {
    let id = name;
    for (let hops = 0; hops < MOST_ALIASES; hops++) {
      if (this.#masked.has(id)) return { id, file: '/proc/cmdline' };
      const entry = this.#entry(id) ?? this.#entry(id.replace(/@.*\./, '@.'));
      if (entry === null) return null;
      if (entry.alias === null) return { id, file: entry.file };
      id = entry.alias;
    }
    return null;
  }

  /** All names of a unit, the unit's own first. Drop-ins of each name apply. */
  #namesOf(id: string): string[] {
    if (this.#aliases === null) {
      this.#aliases = new Map();
      for (const directory of this.#directories)
        for (const name of this.#list(directory)) {
          if (!isUnitName(name) || this.#tree.readLink(`${directory}/${name}`) === null) continue;
          const found = this.#find(name);
          if (found === null || found.id === name) continue;
          const names = this.#aliases.get(found.id) ?? [];
          if (!names.includes(name)) this.#aliases.set(found.id, [...names, name]);
        }
    }
    return [id, ...(this.#aliases.get(id) ?? [])];
  }

  /** `a-b.service` has the directories of `a-b.service`, `a-.service` and `service`. src/shared/dropin.c, unit_file_find_dirs() */
  #dropInDirectories(names: readonly string[], suffix: string): string[] {
    const directories: string[] = [];
    const add = (directory: string, name: string) => {
      if (this.#list(directory).has(name)) directories.push(`${directory}/${name}`);
    };
    for (const name of names)
      for (const directory of this.#directories) {
        const type = ending(name);
        const stem = name.slice(0, -type.length - 1);
        add(directory, `${name}${suffix}`);
        if (stem.includes('@')) add(directory, `${stem.replace(/@.*/, '@')}.${type}${suffix}`);
        const prefix = stem.replace(/@.*/, '').replace(/-$/, '');
        for (let dash = prefix.lastIndexOf('-'); dash > 0; dash = prefix.lastIndexOf('-', dash - 1))
          add(directory, `${prefix.slice(0, dash)}-.${type}${suffix}`);
      }
    for (const directory of this.#directories) add(directory, `${ending(names[0] ?? '')}${suffix}`);
    return directories;
  }

  /** The files of drop-in directories: of two with one name, the first; ordered by name. src/basic/conf-files.c */
  #dropIns(names: readonly string[], suffix: string, takes: (name: string) => boolean): string[] {
    const found = new Map<string, string>();
    for (const directory of this.#dropInDirectories(names, suffix))
      for (const name of this.#list(directory))
        if (takes(name) && !found.has(name)) found.set(name, `${directory}/${name}`);
    return [...found].sort(([a], [b]) => bytewise(a, b)).map(([, path]) => path);
  }

  load(name: string): Unit {
    const known = this.#units.get(name);
    if (known !== undefined) return known;
    const unit = this.#load(name);
    this.#units.set(name, unit);
    return unit;
  }

  #load(name: string): Unit {
    const found = this.#find(name);
    if (found === null) return { state: 'missing', file: null };
    const { id, file } = found;
    if (this.#masked.has(id)) return { state: 'masked', id, file };
    const content = this.#tree.read(file);
    if (content.kind === 'unreadable') return { state: 'unreadable', file, cause: content.cause };
    // null_or_empty(): a device or an empty file masks.
    if (content.kind === 'nothing')
      return content.because === 'null-device' ? { state: 'masked', id, file } : { state: 'missing', file };
    if (content.text === '') return { state: 'masked', id, file };
    const names = this.#namesOf(id);
    const settings = parseUnit(content.text, file);
    for (const path of this.#dropIns(names, '.d', one => one.endsWith('.conf') && !one.startsWith('.'))) {
      const dropIn = this.#tree.read(path);
      if (dropIn.kind === 'unreadable') return { state: 'unreadable', file: path, cause: dropIn.cause };
      if (dropIn.kind === 'text') settings.push(...parseUnit(dropIn.text, path));
    }
    const because = id.endsWith('.service') ? faultOf(settings) : null;
    if (because !== null) return { state: 'invalid', id, file, because };
    return { state: 'loaded', id, file, names, settings };
  }

  /**
   * The units that a unit pulls in when it starts.
   *
   * @param takesUpholds whether this systemd has `.upholds` directories, as since 254
   */
  dependencies(
    { id, file: own, names, settings }: Unit & { state: 'loaded' },
    takesUpholds: boolean,
  ): Dependency[] {
    const links = ['.wants', '.requires', ...(takesUpholds ? ['.upholds'] : [])].flatMap(suffix =>
      this.#dropIns(names, suffix, isUnitName).flatMap(file => {
        const content = this.#tree.read(file);
        // A link to /dev/null or to an empty file takes the dependency away. A dangling link counts.
        const isMasked =
          (content.kind === 'nothing' && content.because === 'null-device') ||
          (content.kind === 'text' && content.text === '');
        if (isMasked || this.#tree.readLink(file) === null) return [];
        return [{ name: posix.basename(file), isRequired: suffix === '.requires', file, line: null }];
      }),
    );
    const named = settings
      .filter(({ section, key }) => section === 'Unit' && PULLS.has(key))
      .flatMap(({ key, value, file, line }) =>
        value.split(/\s+/).map(word => {
          const name = word.replace(/^["']|["']$/g, '');
          return { name, isRequired: key === 'Requires' || key === 'BindsTo', file, line };
        }),
      );
    const implied =
      NEEDS_SYSINIT.test(id) && hasDefaultDependencies(settings)
        ? [{ name: 'sysinit.target', isRequired: true, file: own, line: null }]
        : [];
    return [...links, ...named, ...implied];
  }
}

const PULLS = new Set(['Wants', 'Requires', 'BindsTo', 'Upholds']);
