// first-deny.mjs: the nanoseconds of a process' first denyTracing() without its proof, after its modules are there.

import { denyTracing } from 'tracegate';
import { native } from '../../build/modules/kernel/native.js';

native();
const start = process.hrtime.bigint();
await denyTracing({ verify: false });
console.log(`${process.hrtime.bigint() - start}`);
