/**
 * What is awaited until a limit in milliseconds is over: then `late` is thrown, and what comes later comes to nothing. Waiting
 * keeps no process running.
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
