import { remedyForProc } from '../kernel/permission-model.js';
import { ownTracer } from '../kernel/trace-status.js';
import { type Channel, closed, openByNature } from './channel.js';

const REEXEC = 'execute the program again (a new exec, under `tracegate run --deny`), or end that process';

/** Reports a tracer that is already attached. Only a new exec or the end of this process makes it harmless. */
export const attachedTracer: Channel = {
  name: 'attached-tracer',
  close() {
    const tracerPid = ownTracer();
    if (tracerPid === 0) return closed('nothing');
    return tracerPid === null
      ? openByNature(
          'whether this process is traced is not seen: /proc hides it',
          remedyForProc('mount /proc'),
        )
      : openByNature(`process ${tracerPid} traces this one`, REEXEC);
  },
};
