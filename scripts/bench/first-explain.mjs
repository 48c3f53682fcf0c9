// first-explain.mjs PID: the nanoseconds of a process' first explainSync(), after its modules are there.

import { explainSync } from 'tracegate/explain';
import { native } from '../../build/modules/kernel/native.js';

native();
const start = process.hrtime.bigint();
explainSync(Number(process.argv[2]));
console.log(`${process.hrtime.bigint() - start}`);
