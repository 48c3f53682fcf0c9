// Builds what the scope suite compiles, before the boot: a compiler takes ten times as long in the lab.
import { compile } from '../helpers/compile.js';

for (const source of ['landlocked.c', 'perf-open.c', 'thief.c', 'with-pid.c', 'wrapped-pid.c'])
  compile(source);
compile('unruly.c', ['-shared', '-fPIC']);
