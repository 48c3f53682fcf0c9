// The ways to a program's secrets at each scope: what Yama leaves of them, and that denyTracing() closes all.
import { beforeAll } from 'vitest';
import { proveChannels } from '../channels/prove.js';
import { requirePowers, scope } from './scope.js';

beforeAll(requirePowers);

proveChannels(scope, false);
