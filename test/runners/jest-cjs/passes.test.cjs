const tracegate = require('tracegate');
const testing = require('tracegate/testing');
const checks = require('../checks.cjs');

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
