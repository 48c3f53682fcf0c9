import { expect, test } from '@jest/globals';
import * as tracegate from 'tracegate';
import * as testing from 'tracegate/testing';
import checks from '../checks.cjs';

for (const [title, check] of Object.entries(checks(tracegate, testing))) test(title, check);

expect.extend(testing.matchers);
test('a matcher', async () => {
  const target = await testing.spawnRelative('child');
  try {
    expect(target).toBeAttachable();
  } finally {
    await target.end();
  }
});
