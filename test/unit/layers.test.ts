// The order of imports in lib/, and of includes in native/.
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';

const LIB = join(ROOT, 'lib');
const NATIVE = join(ROOT, 'native');
const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));

/** Values only: a type is gone when the code runs. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(LIB, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from '(\.[^']+)'/gm)].map(([, path]) =>
    normalize(join(file, '..', path!)),
  );
}

// A folder may import from itself and from those that stand before it.
const ORDER = [
  'errors.js',
  'is-error.js',
  'options.js',
  'package-files.js',
  'printable.js',
  'schema-validators.js',
  'schema-versions.js',
  'kernel',
  'policy/debuggers.js',
  'policy/access',
  'policy/reach',
  'policy/remedies',
  'policy/core-dump',
  'policy/index.js',
  'map/graph',
  'map/snapshot-file.js',
  'map/formats',
  'map',
  'audit/tree',
  'audit/sysctl',
  'audit/boot',
  'audit/rows',
  'audit/audit.js',
  'audit/remediate',
  'audit',
  'explain',
  'deny',
  'confine',
  'debugger',
  'watch',
  'rehearse',
  'snapshot.js',
  'testing',
  'demo',
  'index.js',
  'cli',
];
const layerOf = (path: string) =>
  ORDER.findIndex(
    name => path === name || path === name.replace('.js', '.ts') || path.startsWith(`${name}/`),
  );

it('every file belongs to a layer', () => {
  expect(files.filter(file => layerOf(file) < 0)).toEqual([]);
});

it.each(files)('%s imports only from its own layer and those below', file => {
  expect(importsOf(file).filter(path => layerOf(path) > layerOf(file))).toEqual([]);
});

/** The modules that are loaded with one, itself among them. */
function loadedWith(file: string): Set<string> {
  const loaded = new Set([file]);
  for (const each of loaded) {
    for (const path of importsOf(each.replace(/\.js$/, '.ts'))) loaded.add(path);
  }
  return loaded;
}

it.each(files)('%s is in no circle of imports', file => {
  const path = file.replace(/\.ts$/, '.js');
  const others = importsOf(file).filter(imported => loadedWith(imported).has(path));
  expect(others).toEqual([]);
});

it("import 'tracegate' loads what opting out and asking need: no rules, no map, no audit, no debugger", () => {
  const loaded = loadedWith('index.js');
  expect([...loaded].filter(path => /^(audit|map|debugger|testing|cli|explain)\//.test(path))).toEqual([
    'explain/on-demand.js',
  ]);
  expect([...loaded].filter(path => path.startsWith('policy/'))).toEqual(['policy/core-dump/name.js']);
  expect(loaded.size).toBeLessThan(60);
});

it('policy is pure: it imports only modules without I/O', () => {
  const pure = [
    'errors.js',
    'options.js',
    'printable.js',
    'kernel/capabilities.js',
    'kernel/probe-outcome.js',
    'kernel/ptrace-scope.js',
  ];
  for (const file of files.filter(name => name.startsWith('policy/'))) {
    expect(importsOf(file).filter(path => !path.startsWith('policy/') && !pure.includes(path))).toEqual([]);
    expect(readFileSync(join(LIB, file), 'utf8')).not.toMatch(/^[^*]*from 'node:/m);
  }
});

it('native/: an include names its folder, which is its own or stands before it', () => {
  const order = [
    'syscall',
    'proc',
    'probe',
    'watch',
    'node',
    'debugger',
    'launch',
    'helper',
    'demo',
    'addon',
  ];
  const sources = readdirSync(NATIVE, { recursive: true, encoding: 'utf8' }).filter(name =>
    /\.(cc|h)$/.test(name),
  );
  expect(sources.length).toBeGreaterThan(50);
  const rank = (path: string) => order.indexOf(path.split('/')[0]!);
  const wrong = sources.flatMap(file => {
    const text = readFileSync(join(NATIVE, file), 'utf8');
    const included = [...text.matchAll(/^#include "(.+)"$/gm)].map(([, path]) => path!);
    return included
      .filter(path => rank(path) < 0 || rank(path) > rank(file))
      .map(path => `${file} includes ${path}`);
  });
  expect(wrong).toEqual([]);
});
