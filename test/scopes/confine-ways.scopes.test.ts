// Every way from a confined program to its neighbours' secrets, before `run --confine` and after, on the stock kernels, which have
// Landlock.
import { beforeAll, describe, it } from 'vitest';
import { proveConfinement } from '../channels/prove-confinement.js';
import { isStock, requirePowers, scope } from './scope.js';

beforeAll(requirePowers);

/** Some tests are of some kernels alone. The suite's count of cells says which kernels were run. */
if (isStock && scope === 0)
  describe('run --confine', () =>
    proveConfinement('gdb takes minutes where every instruction is translated'));
else it.skip(`not here: scope 0 of the stock kernels, where Yama refuses nothing`, () => {});
