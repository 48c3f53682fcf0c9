import { it } from 'mocha';
import { assertNotAttachable, spawnRelative } from 'tracegate/testing';

it('fails before it ends its relative', async () => {
  const target = await spawnRelative('child');
  assertNotAttachable(target);
  await target.end();
});
