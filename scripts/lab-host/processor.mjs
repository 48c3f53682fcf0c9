// @ts-check
// Chooses the processor for a guest of User-Mode Linux. The guest's kernel and programs are processes of the host, of
// which one runs at a time. On one processor a change of turn is cheap; on two, each turn has to wake another
// processor.
import { readFileSync } from 'node:fs';
import { findProgram } from './programs.mjs';

/** The processors that this process may run on. */
function allowed() {
  const [, list = ''] =
    /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

/**
 * The words in front of a command that keep it on one processor. Without taskset(1) there are none.
 *
 * @param {number} at guests with different numbers get different processors, if there are enough
 */
export function onProcessor(at) {
  const taskset = findProgram('taskset');
  const processors = allowed();
  return taskset === null ? [] : [taskset, '--cpu-list', `${processors[at % processors.length]}`];
}
