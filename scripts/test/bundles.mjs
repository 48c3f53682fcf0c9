// @ts-check
// npm run test:bundles [-- --own]: a program that calls denyTracing(), bundled by each way of docs/install.md, and run by each Node
// (nodes.mjs) in a directory without node_modules. The addon lies in prebuilds/ beside the bundle, or TRACEGATE_ADDON
// names it; with neither, the error says both. `--own`: by the Node that runs this script alone.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import { installLocked } from '../npm-cache.mjs';
import { nodeOf, VERSIONS } from './nodes.mjs';
import { packed } from './pack.mjs';
import { Totals } from './totals.mjs';

const run = promisify(execFile);
const { values } = parseArgs({ options: { own: { type: 'boolean' } } });
const totals = new Totals();
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-bundles-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const tools = installLocked(join(import.meta.dirname, 'bundlers'));
const app = join(scratch, 'app');
const installed = join(app, 'node_modules', 'tracegate');

const BODY = `try {
  const { open } = await denyTracing();
  console.log(JSON.stringify({ dumpable: getDumpable(), open }));
} catch (error) {
  console.log(error.message);
}`;
const script = join(app, 'main.cjs');
const module = join(app, 'main.mjs');

/** An ES module has no require(): also in docs/install.md. */
const MODULE_BANNER = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);`;

/** A single executable's require() knows Node's own modules alone. */
const SEA_BANNER = `require = require('node:module').createRequire(process.execPath);`;

/** @type {import('esbuild').BuildOptions} */
const BUNDLED = { bundle: true, platform: 'node', logLevel: 'error' };

/** @param {string} out @param {object} [more] of webpack's configuration */
async function webpack(out, more = {}) {
  const output = { path: out, filename: 'app.cjs' };
  const file = join(scratch, 'webpack.config.cjs');
  const config = { mode: 'production', target: 'node', entry: script, output, ...more };
  writeFileSync(file, `module.exports = ${JSON.stringify(config)}`);
  const start = `require(${JSON.stringify(join(tools, 'webpack'))})(require(${JSON.stringify(file)}), (error, stats) => {
    if (error ?? stats.hasErrors()) throw error ?? new Error(stats.toString());
  })`;
  await run(process.execPath, ['-e', start]);
  return join(out, 'app.cjs');
}

/** @param {string} out @param {readonly string[]} [options] */
async function ncc(out, options = []) {
  const program = join(tools, '@vercel/ncc/dist/ncc/cli.js');
  await run(process.execPath, [program, 'build', script, '-o', out, ...options]);
  return join(out, 'index.cjs');
}

/** @param {string} out @param {import('vite').SSROptions} ssr */
async function viteBundle(out, ssr) {
  const output = { entryFileNames: 'app.mjs' };
  const build = { ssr: module, outDir: out, target: 'node20', rolldownOptions: { output } };
  await vite({ root: app, logLevel: 'error', ssr, build });
  return join(out, 'app.mjs');
}

/**
 * Each makes the bundle in a directory, and returns the words that start it; the first is left out where the bundle is
 * a program itself.
 *
 * @type {Record<string, (out: string, node: string) => Promise<string[]>>}
 */
const WAYS = {
  'esbuild, CommonJS': async (out, node) => {
    await esbuild({ ...BUNDLED, entryPoints: [script], outfile: join(out, 'app.cjs') });
    return [node, join(out, 'app.cjs')];
  },
  'esbuild, ES module': async (out, node) => {
    await esbuild({
      ...BUNDLED,
      format: 'esm',
      banner: { js: MODULE_BANNER },
      entryPoints: [module],
      outfile: join(out, 'app.mjs'),
    });
    return [node, join(out, 'app.mjs')];
  },
  webpack: async (out, node) => [node, await webpack(out)],
  ncc: async (out, node) => [node, await ncc(out)],
  'Vite, SSR': async (out, node) => [node, await viteBundle(out, { noExternal: true })],
  'single executable': async (out, node) => {
    const main = join(scratch, 'sea.cjs');
    await esbuild({ ...BUNDLED, banner: { js: SEA_BANNER }, entryPoints: [script], outfile: main });
    const config = join(scratch, 'sea.json');
    const blob = join(scratch, 'sea.blob');
    writeFileSync(config, JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true }));
    await run(node, ['--experimental-sea-config', config]);
    const program = join(out, 'app');
    cpSync(node, program);
    chmodSync(program, 0o755);
    const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
    await run(process.execPath, [
      join(tools, 'postject/dist/cli.js'),
      program,
      'NODE_SEA_BLOB',
      blob,
      '--sentinel-fuse',
      fuse,
    ]);
    return [program];
  },
};

/** Without what a parent of this script may have set. */
const { TRACEGATE_ADDON: _, NODE_OPTIONS: __, ...env } = process.env;

/** @param {string[]} words @param {NodeJS.ProcessEnv} more */
async function outcome([program = '', ...args], more = {}) {
  const { stdout } = await run(program, args, { cwd: '/', env: { ...env, ...more } });
  return stdout.trim();
}

const CLOSED = JSON.stringify({ dumpable: 'disabled', open: [] });

/** @param {string} title @param {string} answer @param {boolean} isGood */
function check(title, answer, isGood) {
  console.log(`${isGood ? 'passed' : 'FAILED'} ${title}`);
  if (isGood) totals.passed += 1;
  else totals.failures.push(`${title}: ${answer}`);
}

mkdirSync(app);
writeFileSync(join(app, 'package.json'), '{"private":true}');
writeFileSync(
  script,
  `const { denyTracing, getDumpable } = require('tracegate');\n(async () => { ${BODY} })();\n`,
);
writeFileSync(module, `import { denyTracing, getDumpable } from 'tracegate';\n${BODY}\n`);
execFileSync('npm', ['install', '--no-save', '--prefer-offline', await packed(scratch)], {
  cwd: app,
  stdio: 'ignore',
});
const prebuilds = join(installed, 'prebuilds');
const addon = join(scratch, 'elsewhere', 'tracegate.glibc.node');
cpSync(join(prebuilds, `linux-${process.arch}`), join(scratch, 'elsewhere'), { recursive: true });

const versions = values.own ? [process.versions.node] : VERSIONS;
for (const version of versions) {
  const node = values.own ? process.execPath : await nodeOf(version);
  for (const [way, build] of Object.entries(WAYS)) {
    const title = `${way}, Node ${version}`;
    const out = join(scratch, 'out');
    mkdirSync(out);
    try {
      const words = await build(out, node);
      const missing = await outcome(words);
      check(
        `${title}, without the addon`,
        missing,
        /no native addon .*copy prebuilds\/.*TRACEGATE_ADDON/.test(missing),
      );
      const named = await outcome(words, { TRACEGATE_ADDON: addon });
      check(`${title}, TRACEGATE_ADDON`, named, named === CLOSED);
      cpSync(prebuilds, join(out, 'prebuilds'), { recursive: true });
      const beside = await outcome(words);
      check(`${title}, prebuilds/ beside it`, beside, beside === CLOSED);
    } catch (error) {
      check(title, `${error}`, false);
    }
    rmSync(out, { recursive: true });
  }
}

/** Tracegate stays outside, and is installed beside the bundle: its directory is copied. @type {Record<string, (out: string) => Promise<string>>} */
const OUTSIDE = {
  esbuild: async out => {
    const outfile = join(out, 'app.cjs');
    await esbuild({ ...BUNDLED, external: ['tracegate'], entryPoints: [script], outfile });
    return outfile;
  },
  webpack: out => webpack(out, { externals: { tracegate: 'commonjs tracegate' } }),
  ncc: out => ncc(out, ['--external', 'tracegate']),
  'Vite, SSR': out => viteBundle(out, { external: ['tracegate'] }),
};
for (const [bundler, build] of Object.entries(OUTSIDE)) {
  const out = join(scratch, 'out');
  mkdirSync(out);
  const bundle = await build(out);
  cpSync(join(app, 'node_modules'), join(out, 'node_modules'), { recursive: true });
  const answer = await outcome([process.execPath, bundle]);
  check(`${bundler}, tracegate outside of the bundle`, answer, answer === CLOSED);
  rmSync(out, { recursive: true });
}

// As Electron shows an archive: a directory app.asar, and beside it what `asar --unpack` leaves out.
const { createPackageWithOptions, extractAll } = await import(join(tools, '@electron/asar/lib/asar.js'));
const archive = join(scratch, 'electron', 'app.asar');
await createPackageWithOptions(app, archive, { unpackDir: 'node_modules/tracegate/prebuilds' });
const shown = join(scratch, 'shown');
mkdirSync(shown);
extractAll(archive, join(shown, 'app.asar'));
rmSync(join(shown, 'app.asar', 'node_modules/tracegate/prebuilds'), { recursive: true });
cpSync(`${archive}.unpacked`, join(shown, 'app.asar.unpacked'), { recursive: true });
const inArchive = await outcome([process.execPath, join(shown, 'app.asar', 'main.cjs')]);
check("Electron's asar, with prebuilds/ unpacked", inArchive, inArchive === CLOSED);
totals.close();
