// What a confined program still reaches outside: docs/confine.md, on this kernel.
import { describe } from 'vitest';
import { IS_ROOT } from '../helpers/processes.js';
import { proveRelations } from '../scopes/confined-relations.js';

// The relations take other uids.
describe.runIf(IS_ROOT)('every relation', () => proveRelations());
