const { matchers, spawnRelative } = require('tracegate/testing');

expect.extend(matchers);
test('fails before it ends its relative', async () => {
  const target = await spawnRelative('child');
  expect(target).not.toBeAttachable();
  await target.end();
});
