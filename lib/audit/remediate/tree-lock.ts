import { TracegateError } from '../../errors.js';
import { lockDirectory } from '../../kernel/directory-lock.js';

export const failure = (message: string, cause?: unknown): TracegateError =>
  new TracegateError('ERR_TRACEGATE_REMEDIATE', message, { cause });

/**
 * Locks a tree. Without the lock, two runs could plan from files that the other is changing, and undo the other's work.
 *
 * @returns a function that ends the lock
 * @throws TracegateError `ERR_TRACEGATE_REMEDIATE` if another process holds the lock, or the directory can't be locked
 */
export function lockTree(root: string): () => void {
  const lock = lockDirectory(root);
  if (lock.state === 'locked') return lock.end;
  if (lock.state === 'failed')
    throw failure(`${root} can't be locked against another run (flock: ${lock.code}); nothing is changed`);
  const { by } = lock;
  const who = by === null ? 'a process that is not seen' : `process ${by.pid} (${by.comm ?? '?'})`;
  throw failure(
    `${who} holds the lock of ${root}, probably another tracegate remediate; nothing is changed: try again when it has ended`,
  );
}
