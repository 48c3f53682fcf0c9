// @ts-check
// Which processor a guest of User-Mode Linux runs on. Its kernel and its programs are processes of the host of which one
// runs at a time: on one processor they hand over to each other, on two each turn has to wake another processor.
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
 * The words before a command that keep it on one processor; none where taskset(1) is missing.
 *
 * @param {number} at guests with numbers of their own get processors of their own, as far as there are enough
 */
export function onProcessor(at) {
  const taskset = findProgram('taskset');
  const processors = allowed();
  return taskset === null ? [] : [taskset, '--cpu-list', `${processors[at % processors.length]}`];
}
