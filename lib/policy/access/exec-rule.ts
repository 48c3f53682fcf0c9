import { afterExec } from './after-exec.js';
import { execText, offersText } from './exec-text.js';
import { type Judgement, judgement, type Question } from './question.js';

const told = ({ program, host }: Question): string =>
  program === undefined ? '' : execText(program, afterExec(program, host));

const STARTS = judgement('exec', 'pass', told);
const LACKS = judgement(
  'exec',
  'deny',
  ({ program }) =>
    `${program === undefined ? 'it' : offersText(program)}: the starter's bounding set lacks one of them, and the exec fails with EPERM`,
);
const UNSEEN = judgement('exec', 'unknown', question =>
  question.program?.file.isExecutable === null
    ? `whether the starter may execute ${question.program.file.path} isn't seen`
    : `${told(question)}; whether the exec fails for want of a capability isn't seen`,
);

/** Whether the tracer's program, which is not started yet, can start, and what its exec gives. */
export function exec({ program, host }: Question): Judgement | null {
  if (program === undefined) return null;
  const { starts } = afterExec(program, host);
  if (starts === null) return UNSEEN;
  return starts ? STARTS : LACKS;
}
