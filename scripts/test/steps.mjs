// node scripts/test/steps.mjs COMMAND…: runs these commands, each of which ends with the line `N passed, N failed, N
// skipped`. It prints all failures and the sum of those lines. A command without that line counts as a failure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const CLOSING = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;
const sum = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const failures = [];
/** @type {string[]} */
const table = [];

/** @param {string} command */
async function step(command) {
  console.log(`### ${command}`);
  const start = performance.now();
  const child = spawn('sh', ['-c', `${command} 2>&1`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    process.stdout.write(text);
    output += text;
  });
  const [status] = await once(child, 'close');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
  const lines = output.replaceAll(/\x1b\[[0-9;]*m/g, '').split('\n');
  const closing = lines.map(line => CLOSING.exec(line)).findLast(found => found !== null);
  const [passed = 0, said = 1, skipped = 0] = closing?.slice(1).map(Number) ?? [];
  // A step that fails with no failed test is a failure of its own.
  const failed = status !== 0 && said === 0 ? 1 : said;
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
  for (const [at, line] of lines.entries()) {
    if (line.startsWith('FAILED ')) failures.push(lines.slice(at, lines.indexOf('', at)).join('\n'));
  }
  if (failed > said) failures.push(`FAILED ${command}: ended with ${status}`);
  const minutes = ((performance.now() - start) / 60_000).toFixed(1);
  table.push(
    `${minutes.padStart(6)} min  ${command}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
}

for (const command of process.argv.slice(2)) await step(command);
console.log(`\n${[...failures, ...table].join('\n')}\n`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
