// Builds the addon and its helper programs with node-gyp: npm runs it at install. `--strict` is for ourselves: only what
// changed, and warnings are errors.
import { spawnSync } from 'node:child_process';

if (process.platform !== 'linux') {
  console.error(
    `tracegate: nothing to build, this is ${process.platform} and the addon asks the Linux kernel.`,
  );
  process.exit();
}

const steps = process.argv.includes('--strict')
  ? [
      ['configure', '--', '-Dwerror=1'],
      ['build', '--jobs', 'max'],
    ]
  : [['rebuild', '--jobs', 'max']];

for (const step of steps) {
  const { status, error } = spawnSync('node-gyp', step, { stdio: 'inherit' });
  if (status === 0) continue;
  console.error(`
tracegate: the native addon could not be built${error ? ` (${error.message})` : ''}. What it needs:
  - a C++17 compiler, make and python3:   apt-get install g++ make python3   |   dnf install gcc-c++ make python3
  - Node's headers, which node-gyp fetches or finds by npm's "nodedir"
Without them only the parts that read /proc and compute work: npm install --ignore-scripts tracegate`);
  process.exit(1);
}
