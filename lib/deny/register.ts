// node --import tracegate/deny app.js: runs denyTracing() before the program and before each of its workers. If a channel
// can't be closed, the program ends with the reason. `verify` is off, since it would start a process at every start.
import { denyTracing } from './deny-tracing.js';

await denyTracing({ verify: false });
