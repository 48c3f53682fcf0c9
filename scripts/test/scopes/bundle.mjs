// @ts-check
// Bundles the scope suite before the boot: build/test/scopes/in-guest.js and a file for each of its test files. In the lab,
// compiling and finding modules would take ten times as long.
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..', '..');
const tests = join(root, 'test', 'scopes');
const SUFFIX = '.test.ts';

/** The suite's files, such as `relations.scopes`. */
export const suiteNames = readdirSync(tests)
  .filter(name => name.endsWith(SUFFIX))
  .map(name => name.slice(0, -SUFFIX.length))
  .sort();

/** A module keeps the path of its source, because it looks for files there. @type {import('esbuild').Plugin} */
const keepPlaces = {
  name: 'keep-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.(ts|mjs)$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const text = await readFile(path, 'utf8');
      const places = { url: pathToFileURL(path).href, dirname: dirname(path), filename: path };
      const contents = text.replace(/\bimport\.meta\.(url|dirname|filename)\b/g, (_, name) =>
        JSON.stringify(places[/** @type {keyof typeof places} */ (name)]),
      );
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

/** @type {import('esbuild').Plugin} */
const suite = {
  name: 'suite',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^suite-files$/ }, () => ({ path: 'suite-files', namespace: 'suite' }));
    onLoad({ filter: /.*/, namespace: 'suite' }, () => ({
      resolveDir: tests,
      contents: `
        const files = { ${suiteNames.map(name => `${JSON.stringify(name)}: () => import('./${name}${SUFFIX}')`).join(', ')} };
        export const names = Object.keys(files);
        export const load = name => files[name]();`,
    }));
  },
};

/** The program's path. */
export async function bundleScopes() {
  const outdir = join(root, 'build', 'test', 'scopes');
  await build({
    entryPoints: [join(import.meta.dirname, 'in-guest.mjs'), join(tests, 'prepare.ts')],
    entryNames: '[name]',
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    alias: { vitest: join(import.meta.dirname, 'vitest.mjs') },
    // CommonJS packages, and packages that read their own files, stay outside of the bundle.
    external: ['bindings', 'koffi', 'ajv', 'ajv/*', 'esbuild', 'fsevents'],
    plugins: [suite, keepPlaces],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return join(outdir, 'in-guest.js');
}
