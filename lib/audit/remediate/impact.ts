import { posix } from 'node:path';
import type { SnapshotFacts } from '../../kernel/host.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { type RunningTracer, runningTracers } from '../../policy/access/running-tracers.js';
import type { FileTree } from '../tree/file-tree.js';
import { TRACING_TOOLS, type TracingTool } from './tracing-tools.js';

/** A tool that traces, and that is installed in the tree. */
export interface InstalledTool {
  name: string;
  path: string;
  /** The function of the tool that no longer works for an ordinary user. */
  loses: string;
  /** Who says so. */
  source: string;
}

/** The tracers and tools that a change of ptrace_scope affects. */
export interface Impact {
  tracers: RunningTracer[];
  tools: InstalledTool[];
  /** The directories in which tools were searched. */
  searched: string[];
  /** The places where tools may be that were not searched. */
  notSearched: string[];
}

/** The usual PATH, with the directories of snaps. */
const PATH = [
  ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ...['/usr/games', '/snap/bin'],
];
const NOT_SEARCHED = ['home directories', 'directories of virtual environments, containers and Flatpaks'];

/** The loss of the new scope, unless the old scope has it already. */
function lossOf({ losses }: TracingTool, from: PtraceScopeValue, to: PtraceScopeValue): string | null {
  const at = (scope: PtraceScopeValue) => losses.findLast(loss => loss.from <= scope)?.loses ?? null;
  return to <= from || at(to) === at(from) ? null : at(to);
}

/** The directories that a pattern with `*` names. */
function directoriesOf(tree: FileTree, pattern: string): string[] {
  const [before, after] = pattern.split('/*');
  if (before === undefined || after === undefined) return [pattern];
  const listing = tree.list(before);
  const names = listing.kind === 'names' ? listing.names.sort() : [];
  return names.map(name => `${before}/${name}${after}`);
}

/** Files by their names, from the first directory that has one. */
class Search {
  readonly searched: string[] = [];
  readonly unreadable: string[] = [];
  readonly #tree: FileTree;
  readonly #names = new Map<string, string[]>();

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  /** The names in a directory. A link to a directory that was searched already has none. */
  #namesIn(path: string): string[] {
    const known = this.#names.get(path);
    if (known !== undefined) return known;
    const found = this.#tree.resolve(path);
    const listing = this.#tree.list(path);
    const isNew = found.kind === 'directory' && !this.#names.has(found.path);
    if (listing.kind === 'unreadable') this.unreadable.push(path);
    else if (isNew) this.searched.push(path);
    const names = isNew && listing.kind === 'names' ? listing.names : [];
    this.#names.set(path, names);
    if (found.kind === 'directory' && found.path !== path) this.#names.set(found.path, names);
    return names;
  }

  /** The paths of a program and of its versions, such as lldb and lldb-16. */
  pathsOf(program: string, directories: readonly string[]): string[] {
    const paths = new Map<string, string>();
    for (const directory of directories.flatMap(one => directoriesOf(this.#tree, one))) {
      for (const name of this.#namesIn(directory)) {
        if (!name.startsWith(program) || !/^(-?\d+(\.\d+)*)?$/.test(name.slice(program.length))) continue;
        const path = `${directory}/${name}`;
        if (!paths.has(name) && this.#tree.resolve(path).kind === 'file') paths.set(name, path);
      }
    }
    return [...paths.values()].sort();
  }
}

function installedTools(search: Search, from: PtraceScopeValue, to: PtraceScopeValue): InstalledTool[] {
  return TRACING_TOOLS.flatMap(tool => {
    const loses = lossOf(tool, from, to);
    if (loses === null) return [];
    const paths = tool.programs.flatMap(program =>
      search.pathsOf(program, [...PATH, ...(tool.directories ?? [])]),
    );
    return paths.map(path => ({ name: posix.basename(path), path, loses, source: tool.source }));
  });
}

/** Predicts the effect of a change of ptrace_scope. `snapshot` is null for a tree that doesn't run. */
export function impactOf(
  tree: FileTree,
  snapshot: SnapshotFacts | null,
  from: PtraceScopeValue,
  to: PtraceScopeValue,
): Impact {
  const search = new Search(tree);
  const tools = installedTools(search, from, to);
  return {
    tracers: snapshot === null || to <= from ? [] : runningTracers(snapshot, to),
    tools,
    searched: search.searched,
    notSearched: to <= from ? [] : [...NOT_SEARCHED, ...search.unreadable],
  };
}
