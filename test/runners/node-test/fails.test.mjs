import { test } from 'node:test';
import { assertNotAttachable, spawnRelative } from 'tracegate/testing';

test('fails before it ends its relative', async () => {
  const target = await spawnRelative('child');
  assertNotAttachable(target);
  await target.end();
});
