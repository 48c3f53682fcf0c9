import type { FileTree } from '../tree/file-tree.js';
import { bytewise } from './directories.js';
import type { Origin } from './line.js';
import {
  type ConfigurationFile,
  PlanReader,
  type SysctlLoad,
  type SysctlPlan,
  type SysctlProgram,
} from './plan.js';
import { SYSCTL_CONF } from './unread-settings.js';

/** The files that a shell script gives to `sysctl -p`, one call each, in its order. */
interface Calls {
  used: string[];
  masked: { path: string; by: string }[];
}

/** `DIRECTORY/*.conf` of a shell in the C locale, which finds no hidden files. */
const globbed = (reader: PlanReader, directory: string): string[] =>
  reader
    .names(directory)
    .filter(name => name.endsWith('.conf') && !name.startsWith('.'))
    .sort(bytewise)
    .map(name => `${directory}/${name}`);

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** A plan of one call for each file. `mapped`: the path that a call is given in place of the file. */
function eachFile(
  program: SysctlProgram,
  find: (tree: FileTree, reader: PlanReader) => Calls,
  seenAs?: (tree: FileTree, used: readonly string[]) => { tree: FileTree; paths: Map<string, string> },
): SysctlLoad {
  return {
    plan(tree, key) {
      const finder = new PlanReader(tree);
      const { used, masked } = find(tree, finder);
      const seen = seenAs?.(tree, used) ?? { tree, paths: new Map<string, string>() };
      const real = (path: string) => seen.paths.get(path) ?? path;
      const calls =
        seenAs === undefined ? used : [...seen.paths.keys(), ...used.filter(path => path === SYSCTL_CONF)];
      const plans = calls.map(path => {
        const reader = new PlanReader(seen.tree);
        return renamed(program.load(seen.tree, reader, [path], key), real);
      });
      return {
        files: plans.flatMap(({ files }) => files),
        masked,
        ignored: [],
        writes: plans.flatMap(({ writes }) => writes),
        idle: plans.flatMap(({ idle }) => idle),
        unreadable: [...finder.unreadable, ...plans.flatMap(({ unreadable }) => unreadable)],
      };
    },
    parse: program.parse,
    concerns: program.concerns,
  };
}

/** With the real paths in place of those of the script's links. */
function renamed(plan: SysctlPlan, real: (path: string) => string): SysctlPlan {
  const at = <T extends { file: string }>(one: T): T => ({ ...one, file: real(one.file) });
  const by = (origin: Origin | null) => (origin === null ? null : at(origin));
  return {
    ...plan,
    files: plan.files.map(
      ({ path, via, ...file }): ConfigurationFile => ({
        ...file,
        path: real(path),
        via: via === null ? null : real(via),
      }),
    ),
    writes: plan.writes.map(write => ({ ...write, setting: at(write.setting) })),
    idle: plan.idle.map(one => ({ ...one, setting: at(one.setting), by: by(one.by) })),
    unreadable: plan.unreadable.map(one => ({ ...one, path: real(one.path) })),
  };
}

const exists = (tree: FileTree, path: string) => !['missing', 'loop'].includes(tree.resolve(path).kind);
const isFile = (tree: FileTree, path: string) => ['file', 'unreadable'].includes(tree.resolve(path).kind);

/** `sysctl -p`, which reads sysctl.conf alone. busybox has no `--system`. */
export const sysctlConf = (program: SysctlProgram): SysctlLoad =>
  eachFile(program, () => ({ used: [SYSCTL_CONF], masked: [] }));

/** `sysctl --system` of busybox, which refuses the option. */
export const nothing = (program: SysctlProgram): SysctlLoad =>
  eachFile(program, () => ({ used: [], masked: [] }));

const VOID_DIRECTORIES = ['/run', '/etc', '/usr/local/lib', '/usr/lib'].map(parent => `${parent}/sysctl.d`);
const VOID_LINKS = '/run/vsysctl.d';

/**
 * Void: the first file of a name in these directories is linked into one directory, unless it is a dangling link, and each link
 * is a call of its own. So a pattern overrides what an earlier file sets. sysctl.conf comes last.
 *
 * void-runit: core-services/08-sysctl.sh
 */
export const voidScript = (program: SysctlProgram): SysctlLoad => {
  const find = (tree: FileTree, reader: PlanReader): Calls => {
    const first = new Map<string, string>();
    const masked: Calls['masked'] = [];
    for (const path of VOID_DIRECTORIES.flatMap(directory => globbed(reader, directory))) {
      const by = first.get(nameOf(path));
      if (by !== undefined) masked.push({ path, by });
      else if (exists(tree, path)) first.set(nameOf(path), path);
    }
    const linked = [...first].sort(([a], [b]) => bytewise(a, b)).map(([, path]) => path);
    return { used: [...linked, SYSCTL_CONF], masked };
  };
  return eachFile(program, find, (tree, used) => {
    const links = used.filter(path => path !== SYSCTL_CONF);
    const paths = new Map(links.map(path => [`${VOID_LINKS}/${nameOf(path)}`, path]));
    const real = (path: string) => paths.get(path) ?? path;
    return {
      paths,
      tree: {
        ...tree,
        resolve: (path, avoiding) => tree.resolve(real(path), avoiding),
        list: path =>
          path.replace(/\/$/, '') === VOID_LINKS
            ? { kind: 'names', names: links.map(nameOf) }
            : tree.list(path),
        read: path => tree.read(real(path)),
      },
    };
  });
};

/**
 * Alpine: /lib and /usr/lib, without the names that /etc or /run has; /etc, without those of /run; sysctl.conf; /run.
 * Only a regular file masks.
 *
 * Alpine: aports, main/openrc/sysctl.initd
 */
export const alpineScript = (program: SysctlProgram): SysctlLoad =>
  eachFile(program, (tree, reader) => {
    const masked: Calls['masked'] = [];
    const of = (directories: string[], above: string[]) =>
      directories
        .flatMap(directory => globbed(reader, `${directory}/sysctl.d`))
        .filter(path => {
          const by = above
            .map(directory => `${directory}/sysctl.d/${nameOf(path)}`)
            .find(one => isFile(tree, one));
          if (by !== undefined) masked.push({ path, by });
          return by === undefined && isFile(tree, path);
        });
    const used = [
      ...of(['/lib', '/usr/lib'], ['/etc', '/run']),
      ...of(['/etc'], ['/run']),
      ...(isFile(tree, SYSCTL_CONF) ? [SYSCTL_CONF] : []),
      ...of(['/run'], []),
    ];
    return { used, masked };
  });

/**
 * Alpine before that script: every file of the directories, in their order. No file masks another.
 *
 * Alpine: aports, main/openrc/0003-sysctl-add-compatibility-for-busybox-sysctl.patch
 */
export const oldAlpineScript = (program: SysctlProgram): SysctlLoad =>
  eachFile(program, (tree, reader) => {
    const directories = ['/run', '/etc', '/usr/local/lib', '/usr/lib', '/lib'];
    const paths = directories.flatMap(directory => globbed(reader, `${directory}/sysctl.d`));
    return { used: [...paths, SYSCTL_CONF].filter(path => exists(tree, path)), masked: [] };
  });
