import { quoted } from '../../printable.js';
import type { AccessMode } from '../access/access-mode.js';
import type { Question } from '../access/question.js';
import { DEBUGGERS, type Debugger, findDebugger, USUAL_DEBUGGER } from '../debuggers.js';

/** Stands for a pid that isn't known. */
const TARGET_PID = 'TARGET_PID';

/** Stands for a program that isn't known. */
const DEBUGGER = 'DEBUGGER';

/** The commands by which a tool attaches to a process, or starts a program. */
export interface Tool {
  attach(pid: number | typeof TARGET_PID): string;
  start: string;
}

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

const nameIn = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The recorded tracer with a target of another pid. */
function recordedTool(program: string | null, mode: AccessMode): Tool {
  const known = program === null ? undefined : usable(nameIn(program), mode);
  const { attach, start } = commandsOf(program === null ? DEBUGGER : quoted(program), known);
  return { attach: () => attach(TARGET_PID), start };
}

/**
 * The tool that the commands name. The program that is asked about comes first, or the recorded one. Otherwise: perf for its own
 * access mode, the tracer if it is a known debugger, or gdb.
 */
export function toolFor({ mode, tracer, program, recorded }: Question): Tool {
  if (program !== undefined) {
    const { path } = program.file;
    return commandsOf(quoted(path), usable(nameIn(path), mode));
  }
  if (recorded !== undefined) return recordedTool(recorded.program, mode);
  const named = usable(tracer.comm, mode);
  if (named !== undefined && tracer.comm !== null) return commandsOf(tracer.comm, named);
  const usual = mode === 'perf' ? 'perf' : USUAL_DEBUGGER;
  return commandsOf(usual, findDebugger(usual));
}
