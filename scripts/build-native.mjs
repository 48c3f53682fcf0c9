// Builds the addon and its helper programs with node-gyp: npm runs it at install. `--strict` makes warnings errors.
import { spawnSync } from 'node:child_process';

const isStrict = process.argv.includes('--strict');
const { status, error } = spawnSync('node-gyp', ['rebuild', ...(isStrict ? ['--', '-Dwerror=1'] : [])], {
  stdio: 'inherit',
});

if (status !== 0) {
  console.error(`
tracegate: the native addon could not be built${error ? ` (${error.message})` : ''}. What it needs:
  - a C++17 compiler, make and python3:   apt-get install g++ make python3   |   dnf install gcc-c++ make python3
  - Node's headers, which node-gyp fetches or finds by npm's "nodedir"
Without them only the parts that read /proc and compute work: npm install --ignore-scripts tracegate`);
  process.exit(1);
}
