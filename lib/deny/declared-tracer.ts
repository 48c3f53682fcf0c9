import { setPtracer } from '../kernel/ptracer.js';
import { type Channel, closed, failed } from './channel.js';

/**
 * `PR_SET_PTRACER` 0: takes back what a library may have declared. What was declared can't be read, so this is not undone.
 *
 * Kernel: security/yama/yama_lsm.c, yama_task_prctl()
 */
export const declaredTracer: Channel = {
  name: 'declared-tracer',
  close() {
    const { effect, reason } = setPtracer('none');
    if (effect === 'unknown') return failed(reason, 'make /proc/sys/kernel readable to this process');
    return closed(effect === 'unsupported' ? 'nothing' : 'impossible');
  },
};
