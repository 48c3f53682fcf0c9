// What every test and each program that it starts finds in its environment.
import { beforeEach } from 'vitest';
import { SEED } from './tier.js';

// Each Node that has this variable reads a bundle of certificates before its first line: three times as long a start. It
// is for npm alone, under this name.
process.env.TRACEGATE_NPM_CA_CERTS ??= process.env.NODE_EXTRA_CA_CERTS ?? '';
delete process.env.NODE_EXTRA_CA_CERTS;

beforeEach(({ task, onTestFailed }) =>
  onTestFailed(() => console.error(`${task.name}: the same again is TRACEGATE_SEED=${SEED}`)),
);
