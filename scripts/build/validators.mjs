// @ts-check
// dist/validators.js: what holds a profile, a snapshot and an app's reply to their JSON Schemas, as functions that ajv has written. Written
// where they are used, they would cost each start half a second.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
/** @param {string} name */
const schema = name => JSON.parse(readFileSync(join(root, 'schemas', `${name}.schema.json`), 'utf8'));

/**
 * A profile is written by hand, so its validator reports all faults.
 * @param {Record<string, string>} functions names and schemas
 */
function written(functions, names = /** @type {string[]} */ ([]), options = {}) {
  const code = { source: true, esm: true };
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, code, ...options });
  for (const name of names) ajv.addSchema(schema(name));
  return /** @type {string} */ (standaloneCode.default(ajv, functions));
}

/** @type {Record<string, string>} */
const modules = {
  profile: written({ isProfile: 'tracegate:profile' }, ['profile'], { allErrors: true }),
  snapshot: written(
    { isHost: 'tracegate:snapshot#/$defs/host', isProcess: 'tracegate:snapshot#/$defs/process' },
    ['status', 'facts', 'snapshot'],
  ),
  recording: written(
    {
      isBegin: 'tracegate:watch#/$defs/begin',
      isPair: 'tracegate:watch#/$defs/pair',
      isAccess: 'tracegate:watch#/$defs/access',
      isEnd: 'tracegate:watch#/$defs/end',
      isGap: 'tracegate:watch#/$defs/gap',
      isStop: 'tracegate:watch#/$defs/stop',
    },
    ['status', 'facts', 'explain', 'watch'],
  ),
  reply: written({ isReply: 'tracegate:grants#/$defs/reply' }, ['grants']),
};

await build({
  stdin: {
    contents: Object.keys(modules)
      .map(name => `export * from 'written:${name}';`)
      .join('\n'),
  },
  outfile: join(root, 'dist', 'validators.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  plugins: [
    {
      name: 'written',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^written:/ }, ({ path }) => ({ path: path.slice(8), namespace: 'written' }));
        onLoad({ filter: /.*/, namespace: 'written' }, ({ path }) => ({
          contents: modules[path] ?? '',
          resolveDir: root,
        }));
      },
    },
  ],
  logLevel: 'warning',
});
