// CONTRIBUTING.md says which files of native/ may have state that outlives a call, or memory without an owner. The list there
// and the files that need it are the same.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';

const NATIVE = join(ROOT, 'native');

const CODE = new Map(
  readdirSync(NATIVE, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(cc|h)$/.test(name))
    .map(name => [name, readFileSync(join(NATIVE, name), 'utf8').replace(/(^|\s)\/\/.*$/gm, '')]),
);

const filesWith = (...patterns: RegExp[]) =>
  [...CODE].filter(([, code]) => patterns.some(pattern => pattern.test(code))).map(([name]) => name);

/** Variables of a function, and of a namespace. A static function has parentheses. */
const STATE = [
  /^\s+(static|thread_local) (?!constexpr)[^()\n]*[=;[]/m,
  /^(?!constexpr|const |using|enum|struct|class|extern|return)[a-z][\w:<>* ]* \*?\w+(\{\w*\}| = \w+)?;$/im,
];
const WITHOUT_OWNER = [/\bnew [A-Z]/, /\bdelete \w/, /\b(malloc|calloc|strdup|mmap)\(/];
/** Calls that end what an owner should end. */
const ENDS = /\b(free|closedir|fclose|munmap)\(/;

const [, law = ''] =
  /^- \*\*C\+\+17\*\*(.*?)^- /ms.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? [];
const named = (text: string) => [
  ...new Set([...text.matchAll(/[\w/]+\.cc/g)].map(([name]) => basename(name))),
];
const [, state = '', memory = ''] = /State outlives(.*)Memory has(.*)Only/s.exec(law) ?? [];

it('the files with state are those that the law names, and one whose memory the exec needs', () => {
  expect(named(state).length).toBeGreaterThan(3);
  expect(
    filesWith(...STATE)
      .map(name => basename(name))
      .sort(),
  ).toEqual([...named(state), 'environment.cc'].sort());
});

it('the files with memory that has no owner are those that the law names', () => {
  const isOwner = (name: string) => name.startsWith('syscall/unique_');
  const found = filesWith(...WITHOUT_OWNER).filter(name => !isOwner(name));
  expect([...found.map(name => basename(name)), 'environment.cc'].sort()).toEqual(named(memory).sort());
});

it('only owners end a resource, and inherited descriptors are closed by number where the law says so', () => {
  const numbers = ['helper/main.cc', 'launch/keeper.cc', 'syscall/close_from.h'];
  expect(filesWith(/\bclose\(/).sort()).toEqual([...numbers, 'syscall/unique_fd.h']);
  expect(numbers.filter(name => !law.includes(name))).toEqual([]);
  expect(filesWith(ENDS)).toEqual(
    ['mapping', 'shared_mapping', 'stream'].map(name => `syscall/unique_${name}.h`),
  );
});

it('the compiler refuses exceptions', () => {
  expect(readFileSync(join(ROOT, 'native/binding.gyp'), 'utf8')).toContain("'-fno-exceptions'");
});
