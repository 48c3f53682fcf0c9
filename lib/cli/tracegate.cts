#!/usr/bin/env node
// The entry point of the command line. `run` with simple options becomes its command at once, without loading
// cli.cjs, which takes as long as Node's own start. cli.cjs handles every other command line, and every failure here.
const path: typeof import('node:path') = require('node:path');

interface Addon {
  exec(program: string, options: string[], count: number): number;
}

type Files = typeof import('../kernel/native-files.js', { with: { 'resolution-mode': 'import' }});
type Grammar = typeof import('../kernel/launch-options.js', { with: { 'resolution-mode': 'import' }});

function becomeCommand(words: string[]): void {
  const end = words.indexOf('--');
  const options = words.slice(0, end);
  const command = words.slice(end + 1);
  if (end < 0 || command.length === 0) return;
  try {
    const { commandFor, optionsIn }: Grammar = require('../kernel/launch-options.js');
    if (optionsIn(options) === null) return;
    const { addonPath }: Files = require('../kernel/native-files.js');
    const file = addonPath();
    if (file === undefined) return;
    const addon: Addon = require(file);
    const { words: texts, count } = commandFor(command);
    addon.exec(path.join(path.dirname(file), 'tracegate-launch'), [...options, '--', ...texts], count);
  } catch {
    // The addon is missing, or built for another machine. cli.cjs says which, and what to do.
  }
}

if (process.argv[2] === 'run') becomeCommand(process.argv.slice(3));
require('./cli.cjs');
