// Every way from a confined program to its neighbours' secrets, before `run --confine` and after; and every relation of the two.
import { describe } from 'vitest';
import { proveConfinement } from '../channels/prove-confinement.js';
import { IS_ROOT } from '../helpers/processes.js';
import { proveRelations } from '../scopes/confined-relations.js';

proveConfinement();

// The relations take other uids.
describe.runIf(IS_ROOT)('every relation', () => proveRelations());
