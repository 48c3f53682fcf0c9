// @ts-check
// dist/: the code that the package ships, beside native/. core.cjs holds all modules of lib/ and what they need of other packages, but `bindings`; a module
// runs when it is first asked for. It is one file because a process that loads two entry points, by `import` and by `require`,
// has to have one state, and because one file starts faster than many. Each entry point is a few lines beside it.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const dist = join(root, 'dist');

/** The modules of package.json's entry points, by the name of their file in dist/. @type {Record<string, string>} */
const ENTRIES = {
  index: './index.ts',
  explain: './explain/index.ts',
  debugger: './debugger/index.ts',
  policy: './policy/index.ts',
  snapshot: './snapshot.ts',
  map: './map/index.ts',
  audit: './audit/index.ts',
  testing: './testing/index.ts',
};

/** What runs instead of being imported. @type {Record<string, string>} */
const PROGRAMS = {
  cli: "require('./cli/main.ts').main()",
  victim: "require('./demo/victim.ts')",
  deny: "require('./deny/deny-tracing.ts').denyTracing({ verify: false })",
  grants: "require('./debugger/serve-from-environment.ts').serveFromEnvironment()",
};

/** @type {import('esbuild').BuildOptions} */
const OPTIONS = {
  absWorkingDir: root,
  // The names of its comments, and the licences, are found below node_modules, also where that is a link.
  preserveSymlinks: true,
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['bindings'],
  legalComments: 'inline',
  logLevel: 'warning',
};

/**
 * import.meta.url of the modules. Where another bundler has made an ES module of our code, there is no __filename, and
 * require() knows the directory.
 *
 * @type {import('esbuild').BuildOptions}
 */
const OWN_ADDRESS = {
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: {
    js: "const importMetaUrl = require('node:url').pathToFileURL(typeof __filename === 'string' ? __filename : require.resolve.paths('tracegate')[0]).href;",
  },
};

async function writeCore() {
  const parts = [
    ...Object.entries(ENTRIES).map(([name, module]) => [name, `require('${module}')`]),
    ...Object.entries(PROGRAMS),
  ];
  const { metafile } = await build({
    ...OPTIONS,
    stdin: {
      contents: parts.map(([name, code]) => `export const ${name}_ = () => ${code};`).join('\n'),
      resolveDir: join(root, 'lib'),
      loader: 'ts',
    },
    format: 'cjs',
    outfile: join(dist, 'core.cjs'),
    ...OWN_ADDRESS,
    metafile: true,
  });
  writeLicences(Object.keys(metafile.inputs));
}

/** The licences of the packages that core.cjs and the map's page hold. @param {string[]} inputs */
function writeLicences(inputs) {
  const packages = new Set(['node_modules/d3-hierarchy']);
  for (const input of inputs) {
    const [found] = /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    if (found !== undefined) packages.add(found);
  }
  const texts = [...packages].sort().map(path => {
    const licence = readdirSync(join(root, path)).find(name => /^licen[cs]e/i.test(name));
    if (licence === undefined) throw new Error(`${path} has no file with its licence`);
    return `${path.replace('node_modules/', '')}\n\n${readFileSync(join(root, path, licence), 'utf8').trim()}\n`;
  });
  writeFileSync(join(dist, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** The names that each entry point exports. @returns {Promise<Record<string, string[]>>} */
async function exportsOfEntries() {
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: Object.fromEntries(
      Object.entries(ENTRIES).map(([name, module]) => [name, join('lib', module)]),
    ),
    outdir: dist,
    format: 'esm',
    write: false,
    metafile: true,
  });
  return Object.fromEntries(
    Object.entries(metafile.outputs).map(([file, { exports }]) => [
      file.replace(/^dist\/|\.js$/g, ''),
      exports,
    ]),
  );
}

/** @param {string} name @param {string} text */
const write = (name, text) => writeFileSync(join(dist, name), text);

async function writeEntries() {
  for (const [name, exports] of Object.entries(await exportsOfEntries())) {
    // By a name: Node would otherwise look through the whole of core.cjs for exports, which takes longer than to run it.
    write(`${name}.cjs`, `const { ${name}_ } = require('./core.cjs');\nmodule.exports = ${name}_();\n`);
    write(
      `${name}.js`,
      `import entry from './${name}.cjs';\nexport const { ${exports.sort().join(', ')} } = entry;\n`,
    );
  }
  for (const name of ['cli', 'victim', 'deny', 'grants'])
    write(`${name}.cjs`, `require('./core.cjs').${name}_();\n`);
  for (const name of ['deny', 'grants']) {
    write(
      `${name}.js`,
      `import { createRequire } from 'node:module';\nawait createRequire(import.meta.url)('./core.cjs').${name}_();\n`,
    );
  }
  await build({
    ...OPTIONS,
    entryPoints: [join(root, 'lib', 'cli', 'tracegate.cts')],
    outfile: join(dist, 'tracegate.cjs'),
    ...OWN_ADDRESS,
    format: 'cjs',
    external: ['./cli.cjs'],
  });
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

for (const name of ['types', 'types-cjs']) rmSync(join(dist, name), { recursive: true, force: true });
await writeCore();
await writeEntries();
copyTypes();
