// node --import tracegate/deny app.js: denyTracing() before the first line of the program, and of its workers. What can't
// be closed ends the program with the reason. The proof is left out: it would be had at every start.
import { denyTracing } from './deny-tracing.js';

await denyTracing({ verify: false });
