import type { AccessMode } from '../access/access-mode.js';
import type { Question } from '../access/question.js';
import { DEBUGGERS, type Debugger, findDebugger, USUAL_DEBUGGER } from '../debuggers.js';

/** The commands by which a tool attaches to a process, or starts a program. */
export interface Tool {
  attach(pid: number): string;
  start: string;
}

/** A path, quoted for a shell. */
export const quoted = (path: string): string =>
  /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** The debugger of that name, if it can attach in this mode. */
function usable(name: string | null, mode: AccessMode): Debugger | undefined {
  const found = name === null ? undefined : findDebugger(name);
  const isOfMode = found?.by === (mode === 'perf' ? 'perf' : 'ptrace');
  return isOfMode && found?.attach !== null ? found : undefined;
}

/** Programs that can't start their target leave that to gdb. */
const startedUnder = (name: string, start: string | null): string =>
  start === null ? `${USUAL_DEBUGGER} ${DEBUGGERS[USUAL_DEBUGGER]?.start}` : `${name} ${start}`;

/** The commands of a debugger, which is called by that word. The arguments of an unknown program aren't known. */
function commandsOf(word: string, known: Debugger | undefined): Tool {
  if (known === undefined) return { attach: () => `${word} …`, start: `${word} …` };
  return {
    attach: pid => `${word} ${known.attach?.replace('{}', `${pid}`)}`,
    start: startedUnder(word, known.start),
  };
}

/**
 * The tool that the commands name. The program that is asked about comes first. Otherwise: perf for its own access mode,
 * the tracer if it is a known debugger, or gdb.
 */
export function toolFor({ mode, tracer, program }: Question): Tool {
  if (program !== undefined) {
    const { path } = program.file;
    return commandsOf(quoted(path), usable(path.slice(path.lastIndexOf('/') + 1), mode));
  }
  const named = usable(tracer.comm, mode);
  if (named !== undefined && tracer.comm !== null) return commandsOf(tracer.comm, named);
  const usual = mode === 'perf' ? 'perf' : USUAL_DEBUGGER;
  return commandsOf(usual, findDebugger(usual));
}
