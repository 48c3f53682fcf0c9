// What explain offers in a container, tried by gdb as the container's root.
import { expect, it } from 'vitest';
import { explanationText } from '../../lib/explain/index.js';
import type { Explanation } from '../../lib/index.js';
import { REFUSED, startContainer } from '../helpers/container.js';
import { IS_ROOT, ObedientProcess, sleeper } from '../helpers/processes.js';

const commands = ({ remedies }: Explanation) =>
  remedies.map(({ actions }) => actions.map(({ command, what }) => command ?? what).join(' + '));

it.runIf(IS_ROOT)(
  'in a container whose root has CAP_SYS_PTRACE, that root is offered before a restart, and can attach',
  async () => {
    const { user, debugAsRoot } = await startContainer();
    const { pid } = await sleeper({ uid: 4711, gid: 4712 });
    const said: Explanation = await user.call('explain', pid);
    expect(said).toMatchObject({ surroundings: 'container', refusedBy: ['credentials'], agrees: true });
    const found = commands(said);
    expect(found).toContain(`sudo gdb -p ${pid}`);
    expect(found.join()).not.toContain('add CAP_SYS_PTRACE');
    expect(debugAsRoot(`sudo gdb -p ${pid}`)).not.toMatch(REFUSED);
    expect(explanationText(said)).toContain(
      'root of the container, or a user with sudo rights in it: runs the tracer as root',
    );
  },
);

it.runIf(IS_ROOT)('in a container whose root lacks it, that root is refused and not offered', async () => {
  const { user, debugAsRoot } = await startContainer({ lacksPtrace: true });
  const { pid } = await sleeper({ uid: 4711, gid: 4712 });
  const said: Explanation = await user.call('explain', pid);
  const found = commands(said);
  expect(found).toContain("add CAP_SYS_PTRACE to the container's capabilities");
  expect(found).not.toContain(`sudo gdb -p ${pid}`);
  expect(found.at(-1)).toBe(`sudo gdb -p ${pid} (with the pid that it has there)`);
  expect(debugAsRoot(`sudo gdb -p ${pid}`)).toMatch(REFUSED);
});

it.runIf(IS_ROOT)('in a user namespace sudo gives nothing, and root outside is offered', async () => {
  const through = 'setpriv --reuid 1000 --regid 1000 --clear-groups unshare --user --map-root-user'.split(
    ' ',
  );
  const asker = await ObedientProcess.start('', through);
  const { pid } = await sleeper({ uid: 1000, gid: 1000 });
  const said: Explanation = await asker.call('explain', pid);
  expect(said).toMatchObject({ answer: 'denied', refusedBy: ['capability-subset'] });
  // The machine of the test may itself be a container, which has other pids.
  const outside = /^sudo gdb -p \d+ \((with the pid that it has there|in a shell out there)\)$/;
  const bySudo = commands(said).filter(text => text.includes('sudo'));
  expect(bySudo).toEqual([expect.stringMatching(outside)]);
});
