import { vi } from 'vitest';
import type { Run, tracegate } from './cli.js';

/**
 * The answer of {@link tracegate} by a call in this process, for answers that don't depend on the process: a start
 * takes longer than most answers. Only one runs at a time, because it captures the output of this process.
 */
export async function answered(words: readonly string[]): Promise<Run> {
  const { answer } = await import('../../lib/cli/answer.js');
  const said = { stdout: '', stderr: '' };
  const taken = (stream: keyof typeof said) => (text: unknown) => {
    said[stream] += text;
    return true;
  };
  const line = (stream: keyof typeof said) => (text: unknown) => void taken(stream)(`${text}\n`);
  // vitest has a console of its own, which doesn't write there.
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(taken('stdout')),
    vi.spyOn(console, 'log').mockImplementation(line('stdout')),
    vi.spyOn(console, 'error').mockImplementation(line('stderr')),
  ];
  // A terminal's colours are vitest's.
  vi.stubEnv('FORCE_COLOR', '0');
  try {
    return { code: await answer(words), signal: null, ...said };
  } finally {
    vi.unstubAllEnvs();
    for (const spy of spies) spy.mockRestore();
  }
}
