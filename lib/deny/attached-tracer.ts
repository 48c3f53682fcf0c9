import { ownTracer } from '../kernel/trace-status.js';
import { type Channel, closed, openByNature } from './channel.js';

const REEXEC = 'execute the program again (a new exec, under `tracegate run --deny`), or end that process';

/** A tracer that is attached stays so: nothing that this process does to itself ends it. */
export const attachedTracer: Channel = {
  name: 'attached-tracer',
  close() {
    const tracerPid = ownTracer();
    if (tracerPid === 0) return closed('nothing');
    return tracerPid === null
      ? openByNature('whether this process is traced is not seen: /proc hides it', 'mount /proc')
      : openByNature(`process ${tracerPid} traces this one`, REEXEC);
  },
};
