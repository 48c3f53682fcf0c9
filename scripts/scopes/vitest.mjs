// @ts-check
// What a test of test/scopes imports as `vitest` in the lab: vitest's own runner and matchers, without the program around
// them, whose start takes longer there than the tests.
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

export {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
  onTestFinished,
  test,
} from '@vitest/runner';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

/** chai's, with vitest's matchers in it. */
export const expect = chai.expect;
