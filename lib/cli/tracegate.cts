#!/usr/bin/env node
// Where the command starts. `run` with options that leave nothing to be said becomes its command at once: to load what
// main.js is made of takes as long again as Node's own start. All else, also what fails here, is main.js'.
const path: typeof import('node:path') = require('node:path');

interface Addon {
  exec(program: string, options: string[], count: number): number;
}

const OPTION = /^--(deny(=sealed|=preload)?|core=off|ptracer=(any|none|[1-9]\d{0,9}))$/;
const build = path.join(__dirname, '..', '..', 'build', 'Release');

function becomeCommand(words: string[]): void {
  const end = words.indexOf('--');
  const options = words.slice(0, end);
  const count = words.length - end - 1;
  const isClear = end >= 0 && count > 0 && options.every(word => OPTION.test(word));
  // Together they are a mistake, which main.js names.
  const isBoth = ['--deny', '--ptracer'].every(name => options.some(word => word.startsWith(name)));
  if (!isClear || isBoth) return;
  try {
    const addon: Addon = require(path.join(build, 'tracegate.node'));
    addon.exec(path.join(build, 'tracegate-launch'), [...options, '--'], count);
  } catch {
    // No addon, or not for this machine: main.js says which, and what to do.
  }
}

if (process.argv[2] === 'run') becomeCommand(process.argv.slice(3));
void import('./main.js');
