// npm run test:scopes [-- OPTIONS] [FILE…]: runs the scope suite in the lab, or some of its files, such as `relations`.
//   --kernel K     uml (default), qemu-6.1 or qemu-6.12: Debian's stock kernels; or several of them: qemu-6.1,qemu-6.12
//   --scope N[,N]  at these (default 0,1,2,3), in one boot
//   --tests RE     the tests whose name this regular expression finds
// Ends with the line `N passed, N failed, N skipped`.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { suiteNames } from './scopes/bundle.mjs';
import { isKernel } from './scopes/lab-suite.mjs';
import { ScopeSuite } from './scopes/scope-suite.mjs';
import { Totals } from './totals.mjs';

const { values, positionals } = parseArgs({
  options: {
    kernel: { type: 'string', default: 'uml' },
    scope: { type: 'string', default: '0,1,2,3' },
    tests: { type: 'string' },
  },
  allowPositionals: true,
});

/** @param {string} message @returns {never} */
function usage(message) {
  console.error(`test-scopes: ${message}`);
  process.exit(2);
}

const kernels = values.kernel.split(',');
for (const kernel of kernels.filter(text => !isKernel(text)))
  usage(`--kernel '${kernel}' is not usable: give uml, qemu-6.1 or qemu-6.12`);
const scopes = values.scope.split(',');
for (const scope of scopes.filter(text => !/^[0-3]$/.test(text)))
  usage(`--scope '${scope}' is not usable: give one of 0, 1, 2, 3`);
const files = positionals.map(word => {
  const found = suiteNames.find(name => name === word || name.replace(/\.\w+$/, '') === word);
  return found ?? usage(`there is no file '${word}': the files are ${suiteNames.join(' ')}`);
});

const totals = new Totals();
const suite = await ScopeSuite.build(join(import.meta.dirname, '..', '..', 'build', 'reports'));
// The guests run in parallel, because each keeps about one processor busy.
await Promise.all(
  kernels.map(kernel =>
    suite.run({ kernel, scopes: scopes.map(Number), ...(files.length > 0 && { files }) }, totals, {
      ...(values.tests !== undefined && { TRACEGATE_TESTS: values.tests }),
    }),
  ),
);
totals.close();
