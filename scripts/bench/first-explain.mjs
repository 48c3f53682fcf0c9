// first-explain.mjs PID: the nanoseconds of a process' first explain(), after its modules are there.
import { explain } from '../../dist/index.js';
import { native } from '../../dist/kernel/native.js';

native();
const start = process.hrtime.bigint();
explain(Number(process.argv[2]));
console.log(`${process.hrtime.bigint() - start}`);
