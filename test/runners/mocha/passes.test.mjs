import { it } from 'mocha';
import * as tracegate from 'tracegate';
import * as testing from 'tracegate/testing';
import checks from '../checks.cjs';

for (const [title, check] of Object.entries(checks(tracegate, testing))) it(title, check);

it('an assertion', async () => {
  const target = await testing.spawnRelative('child');
  try {
    testing.assertAttachable(target);
  } finally {
    await target.end();
  }
});
