import { remedyForProc } from '../kernel/permission-model.js';
import { setPtracer } from '../kernel/ptracer.js';
import { type Channel, closed, failed } from './channel.js';

/**
 * `PR_SET_PTRACER` 0: removes the declared tracer, which a library may have set. The kernel has no call that reads the
 * declared tracer, so allowTracing() can't restore it.
 *
 * Kernel: security/yama/yama_lsm.c, yama_task_prctl()
 */
export const declaredTracer: Channel = {
  name: 'declared-tracer',
  close() {
    const { effect, reason } = setPtracer('none');
    if (effect === 'unknown')
      return failed(reason, remedyForProc('make /proc/sys/kernel readable to this process'));
    return closed(effect === 'unsupported' ? 'nothing' : 'impossible');
  },
};
