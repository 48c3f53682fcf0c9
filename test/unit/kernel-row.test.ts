// The audit's row on the kernel's version.
import { expect, it } from 'vitest';
import { kernelRow } from '../../lib/audit/rows/kernel.js';
import type { Running } from '../../lib/audit/rows/observations.js';

// The fixed releases as the stable team announced them in May 2026.
it.each([
  ['7.1.0', 'pass'],
  ['8.0.1-arch1', 'pass'],
  ['7.0.8', 'pass'],
  ['7.0.7', 'fail'],
  ['6.12.89', 'pass'],
  ['6.12.88', 'fail'],
  ['6.1.173', 'pass'],
  ['6.1.172', 'fail'],
  ['5.10.256', 'pass'],
  ['5.10', 'fail'],
  // A distribution's: the number may have stayed where the fix came.
  ['6.1.0-49-amd64', 'unknown'],
  ['6.8.0-60-generic', 'unknown'],
  ['6.12.200-1.el10', 'unknown'],
  ['6.9.3', 'unknown'],
  ['unversioned', 'unknown'],
])('%s: %s', (kernelRelease, verdict) => {
  const row = kernelRow({ kernelRelease } as Running);
  expect(row).toMatchObject({ verdict, required: false, found: kernelRelease });
  expect(row.remedy === null).toBe(verdict === 'pass');
});
