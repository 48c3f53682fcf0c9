// Builds the compiled programs of the scope suite before the boot: a compiler takes ten times as long in the lab.
import { compile, STATIC_OPTIONS } from '../helpers/compile.js';

const PROGRAMS = [
  'accesses.c',
  'awaits.c',
  'bpf-links.c',
  'crashes.c',
  'every-access.c',
  'family.c',
  'landlocked.c',
  'neighbour.c',
  'perf-open.c',
  'ways-out.c',
  'thief.c',
  'tree-member.c',
  'tree-reader.c',
  'with-pid.c',
  'wrapped-pid.c',
  'zombie.c',
];

for (const source of PROGRAMS) compile(source);
compile('tree-member.c', STATIC_OPTIONS);
compile('unruly.c', ['-shared', '-fPIC']);
