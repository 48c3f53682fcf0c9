/**
 * Waits for an answer for at most `limit` milliseconds, then throws `late()`. A later answer is ignored. The timer doesn't keep
 * the process running.
 */
export async function within<T>(answer: T | Promise<T>, limit: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limit).unref();
  });
  try {
    return await Promise.race([answer, over]);
  } finally {
    clearTimeout(timer);
  }
}
