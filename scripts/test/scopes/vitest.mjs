// @ts-check
// Replaces `vitest` for the tests of test/scopes in the lab. It has vitest's own runner and matchers, but not its command
// line, whose start takes longer in the lab than the tests.
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

/** chai's expect() with vitest's matchers. */
export const expect = chai.expect;
