/**
 * The running processes that this thread has started in a Landlock domain, by pid, with their start times. A process that
 * says of itself that it is confined isn't among them.
 */
export const confinedProcesses = new Map<number, number>();
