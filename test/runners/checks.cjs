// What tracegate does under every runner. A check is a function that throws.
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const inspector = require('node:inspector');
const { setImmediate: turn } = require('node:timers/promises');

const NOBODY = 2 ** 31 - 1;

module.exports = (tracegate, testing) => ({
  async 'a probe answers, also about a pid that no process has'() {
    assert.match((await tracegate.probe(process.ppid)).outcome, /^(allowed|denied)$/);
    assert.equal((await tracegate.probe(NOBODY)).reason, 'no-such-process');
    assert.equal(tracegate.traceStatus(NOBODY).status, 'no-such-process');
  },

  async 'an assertion about a relative'() {
    const target = await testing.spawnRelative('stranger');
    try {
      await target.setDumpable('disabled');
      testing.assertNotAttachableByStranger(target);
      assert.throws(() => testing.assertAttachableByStranger(target), { code: 'ERR_ASSERTION' });
    } finally {
      await target.end();
    }
  },

  async 'an error has its class and code'() {
    const error = await tracegate.explain(process.pid, { tracer: NOBODY }).catch(reason => reason);
    assert.ok(error instanceof tracegate.SyscallError && error instanceof Error);
    assert.equal(error.code, 'ESRCH');
    await assert.rejects(testing.spawnRelative('cousin'), { code: 'ERR_TRACEGATE_INVALID_OPTION' });
  },

  'denyTracing() in a child'() {
    const program = "require('tracegate').denyTracing().then(({ closed }) => console.log(closed.join()))";
    const closed = execFileSync(process.execPath, ['-e', program], { cwd: __dirname, encoding: 'utf8' });
    assert.match(closed, /^inspector,dumpable,/);
  },

  async 'denyTracing() in the process of the runner: a SIGUSR1 opens no inspector'() {
    const { closed } = await tracegate.denyTracing();
    try {
      assert.deepEqual([...closed].slice(0, 2), ['inspector', 'dumpable']);
      testing.assertNotAttachableByStranger(process.pid);
      execFileSync('sh', ['-c', `kill -USR1 ${process.pid}`]);
      for (let turns = 0; turns < 50; turns++) await turn();
      assert.equal(inspector.url(), undefined);
    } finally {
      tracegate.allowTracing();
    }
  },
});
