// @ts-check
// build/test/dist: the entry points of dist/ and dist/cli/main.js (as main.js), each with all that it imports in a few files. Processes of
// tests load these: that halves their start, and there are a thousand of them. Each part still takes dist/ for its place.
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const outdir = join(root, 'build', 'test', 'dist');

const ENTRY_POINTS = ['index', 'explain/index', 'debugger/index', 'snapshot'];

/** @type {import('esbuild').Plugin} */
const keepPlaces = {
  name: 'keep-places',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/.*\.js$/ }, async ({ path }) => {
      const place = `new URL(${JSON.stringify(relative(outdir, path))}, import.meta.url).href`;
      const contents = (await readFile(path, 'utf8')).replaceAll('import.meta.url', `(${place})`);
      return { contents, loader: 'js' };
    });
  },
};

// The names of its parts change with what is in them.
await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: {
    ...Object.fromEntries(ENTRY_POINTS.map(name => [name, join(root, 'dist', `${name}.js`)])),
    main: join(root, 'dist', 'cli', 'main.js'),
  },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  plugins: [keepPlaces],
  logLevel: 'warning',
});
