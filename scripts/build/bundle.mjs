// @ts-check
// dist/: the code that the package ships, beside native/. A file for each entry point and program, and the chunks that they share,
// all of them CommonJS: so a process that loads two entry points, by `import` and by `require`, has one state.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { RUNTIME_MODULE_ID, rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..', '..');
const lib = join(root, 'lib');
const dist = join(root, 'dist');

/** The modules of package.json's entry points, by the name of their file in dist/. @type {Record<string, string>} */
const ENTRIES = {
  index: 'index.ts',
  explain: 'explain/index.ts',
  debugger: 'debugger/index.ts',
  policy: 'policy/index.ts',
  snapshot: 'snapshot.ts',
  map: 'map/index.ts',
  audit: 'audit/index.ts',
  testing: 'testing/index.ts',
  watch: 'watch/index.ts',
};

/** What runs instead of being imported: its promise is the default export. @type {Record<string, string>} */
const PROGRAMS = {
  cli: "import { main } from './cli/main.ts'; export default main();",
  victim: "import './demo/victim.ts';",
  deny: "import { denyTracing } from './deny/deny-tracing.ts'; export default denyTracing({ verify: false });",
  confine: "import { confineProcess } from './confine/confine-process.ts'; export default confineProcess();",
  grants:
    "import { serveFromEnvironment } from './debugger/serve-from-environment.ts'; export default serveFromEnvironment();",
};

/**
 * The chunks in their order. A chunk holds what its modules need, as far as no chunk before it does: so a chunk needs those before
 * it alone, and a start loads little that it has no use for. Parsing all of lib/ takes a third of Node's own start.
 *
 * @type {Record<string, string[]>}
 */
const CHUNKS = {
  core: [
    'cli/main.ts',
    'cli/status.ts',
    'kernel/probe.ts',
    'kernel/core-settings.ts',
    'policy/core-dump/name.ts',
    'schema-validators.ts',
  ],
  access: [
    'cli/probe.ts',
    'cli/confinable.ts',
    'explain/domain.ts',
    'policy/remedies/tool.ts',
    'kernel/file-capabilities.ts',
  ],
  deny: ['index.ts'],
  explain: ['explain/index.ts', 'explain/explain.ts'],
  policy: ['policy/index.ts'],
  debugger: ['debugger/index.ts', 'debugger/grant-client.ts'],
  map: ['map/index.ts', 'snapshot.ts', 'cli/snapshots.ts', 'cli/patterns.ts'],
  audit: ['cli/audit.ts'],
  remediate: ['audit/index.ts'],
  watch: ['cli/watch.ts'],
  rehearse: ['rehearse/rehearse.ts', 'cli/rehearse-text.ts', 'cli/recorded-impact.ts'],
};

/** @type {import('rolldown').InputOptions} */
const INPUT = {
  cwd: root,
  platform: 'node',
  external: ['bindings', './cli.cjs'],
  // The licences are found below node_modules, also where that is a link.
  resolve: { symlinks: false },
  transform: { target: 'node20', define: { 'import.meta.url': 'importMetaUrl' } },
  preserveEntrySignatures: 'allow-extension',
};

/** @type {import('rolldown').OutputOptions} */
const OUTPUT = {
  dir: dist,
  format: 'cjs',
  exports: 'named',
  comments: { legal: true, annotation: false, jsdoc: false },
};

/**
 * import.meta.url. Where another bundler has made an ES module of our code, there is no __filename, and require() knows the
 * directory.
 */
const OWN_ADDRESS =
  "const importMetaUrl = require('node:url').pathToFileURL(typeof __filename === 'string' ? __filename : require.resolve.paths('tracegate')[0]).href;\n";

/** @type {import('rolldown').Plugin} */
const ownAddress = {
  name: 'own-address',
  renderChunk: code =>
    code.includes('importMetaUrl') ? code.replace(/^(#!.*\n)?/, line => line + OWN_ADDRESS) : null,
};

/** @type {import('rolldown').Plugin} */
const programs = {
  name: 'programs',
  resolveId: id => (Object.hasOwn(PROGRAMS, id) ? join(lib, `${id}.program.ts`) : null),
  load: id => PROGRAMS[basename(id, '.program.ts')] ?? null,
};

/** @type {Map<string, string>} */
const chunkOf = new Map([[RUNTIME_MODULE_ID, 'core']]);

/** Finds the chunk of each module. @type {import('rolldown').Plugin} */
const chunks = {
  name: 'chunks',
  buildEnd() {
    const entries = new Set(Object.values(ENTRIES).map(name => join(lib, name)));
    /** @param {string} id @param {string} chunk */
    const add = (id, chunk) => {
      const module = this.getModuleInfo(id);
      if (module === null || chunkOf.has(id)) return;
      // An entry point is a file of its own: what a chunk exports to others isn't public.
      if (!entries.has(id)) chunkOf.set(id, chunk);
      for (const imported of module.importedIds) add(imported, chunk);
    };
    for (const [chunk, names] of Object.entries(CHUNKS)) {
      for (const name of names) add(join(lib, name), chunk);
    }
  },
};

/**
 * A module that is loaded on request is a chunk of its own, such as cli-map.cjs.
 *
 * @param {import('rolldown').PreRenderedChunk} chunk
 */
function fileOf({ name, facadeModuleId }) {
  if (facadeModuleId === null) return `lib-${name}.cjs`;
  const [folder, ...path] = relative(root, facadeModuleId)
    .replace(/\.\w+$/, '')
    .split('/');
  return `${folder === 'lib' ? path.join('-') : path[0]}.cjs`;
}

async function writeCode() {
  const names = Object.keys(PROGRAMS);
  const bundle = await rolldown({
    ...INPUT,
    input: {
      ...Object.fromEntries(Object.entries(ENTRIES).map(([name, module]) => [name, join(lib, module)])),
      ...Object.fromEntries(names.map(name => [name, name])),
    },
    plugins: [programs, chunks, ownAddress],
  });
  const { output } = await bundle.write({
    ...OUTPUT,
    entryFileNames: '[name].cjs',
    chunkFileNames: fileOf,
    codeSplitting: {
      groups: [{ name: id => chunkOf.get(id) ?? null, debugName: 'chunks' }],
      includeDependenciesRecursively: false,
    },
  });
  const files = output.filter(file => file.type === 'chunk');
  for (const { name, exports } of files.filter(({ isEntry }) => isEntry)) writeModule(name, exports);
  writeLicences(files.flatMap(({ moduleIds }) => moduleIds));
}

/** The ES module of an entry point. @param {string} name @param {string[]} exports */
function writeModule(name, exports) {
  if (Object.hasOwn(ENTRIES, name))
    write(
      `${name}.js`,
      `import entry from './${name}.cjs';\nexport const { ${exports.toSorted().join(', ')} } = entry;\n`,
    );
  // What --import loads: the program waits for it.
  if (name === 'deny' || name === 'confine' || name === 'grants')
    write(`${name}.js`, `import program from './${name}.cjs';\nawait program.default;\n`);
}

/** Starts without the chunks. */
async function writeCommand() {
  const bundle = await rolldown({
    ...INPUT,
    input: join(lib, 'cli', 'tracegate.cts'),
    plugins: [ownAddress],
  });
  await bundle.write({ ...OUTPUT, entryFileNames: 'tracegate.cjs', codeSplitting: false });
}

/** @param {string} name @param {string} text */
const write = (name, text) => writeFileSync(join(dist, name), text);

/** The licences of the packages in the code and in the map's page. @param {string[]} modules */
function writeLicences(modules) {
  const packages = new Set(['node_modules/d3-hierarchy']);
  for (const id of modules) {
    const [found] = /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(relative(root, id)) ?? [];
    if (found !== undefined) packages.add(found);
  }
  const texts = [...packages].sort().map(path => {
    const licence = readdirSync(join(root, path)).find(name => /^licen[cs]e/i.test(name));
    if (licence === undefined) throw new Error(`${path} has no file with its licence`);
    return `${path.replace('node_modules/', '')}\n\n${readFileSync(join(root, path, licence), 'utf8').trim()}\n`;
  });
  writeFileSync(join(dist, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** For TypeScript a declaration is of an ES module or of CommonJS, by the package.json above: so each is there twice. */
function copyTypes() {
  const modules = join(root, 'build', 'modules');
  const names = readdirSync(modules, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.d.ts'),
  );
  for (const types of ['types', 'types-cjs']) {
    for (const name of names) {
      mkdirSync(dirname(join(dist, types, name)), { recursive: true });
      cpSync(join(modules, name), join(dist, types, name));
    }
  }
  write('types-cjs/package.json', '{ "type": "commonjs" }\n');
}

const old = readdirSync(dist).filter(name => name.endsWith('.cjs') || name.startsWith('types'));
for (const name of old) rmSync(join(dist, name), { recursive: true });
await writeCode();
await writeCommand();
copyTypes();
