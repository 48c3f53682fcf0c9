import type { Task } from '../kernel/access-events.js';
import type { Side, WatchFilters } from './recording.js';

/** What an event says alone, so that no file is read of others. */
export function mayFit({ pid, uid }: WatchFilters, tracer: Task, target: Task): boolean {
  return (
    (pid === undefined || tracer.pid === pid || target.pid === pid) &&
    (uid === undefined || tracer.uid === uid || target.uid === uid)
  );
}

/** Whether one of the two sides fits each filter. */
export function fits({ unit, program }: WatchFilters, sides: readonly Side[]): boolean {
  const isOfUnit = (side: Side) => unit === undefined || side.unit?.includes(unit) === true;
  const isOfProgram = (side: Side) =>
    program === undefined ||
    side.comm?.includes(program) === true ||
    side.program?.includes(program) === true;
  return sides.some(isOfUnit) && sides.some(isOfProgram);
}
