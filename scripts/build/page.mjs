// Builds the map's page (lib/map/page) into dist/page: one script, with the needed parts of lib/policy and
// d3-hierarchy, a style and a skeleton. lib/map/formats/html.ts joins them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const source = join(root, 'lib', 'map', 'page');
const target = join(root, 'dist', 'page');

const licence = readFileSync(join(root, 'node_modules', 'd3-hierarchy', 'LICENSE'), 'utf8').trim();
mkdirSync(target, { recursive: true });

/** @type {import('esbuild').BuildOptions} */
const options = {
  bundle: true,
  minify: true,
  charset: 'utf8',
  write: false,
  target: 'es2022',
  logLevel: 'warning',
};

/** @param {string} name @param {import('esbuild').BuildOptions} more */
async function bundle(name, more) {
  const { outputFiles = [] } = await build({ ...options, ...more });
  const text = outputFiles[0]?.text ?? '';
  // The texts stand in HTML.
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`${name} would end its own element`);
  writeFileSync(join(target, name), text);
}

await bundle('main.js', {
  entryPoints: [join(source, 'main.ts')],
  format: 'iife',
  alias: { 'node:util': join(source, 'node-util.ts') },
  banner: { js: `/*! This holds d3-hierarchy:\n${licence}\n*/` },
});
await bundle('page.css', { entryPoints: [join(source, 'page.css')] });
writeFileSync(join(target, 'page.html'), readFileSync(join(source, 'page.html')));
