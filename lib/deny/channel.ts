/** A channel: a group of ways to a program's secrets that denyTracing() closes or reports. Each channel has its own file. */
export type ChannelName =
  | 'dumpable'
  | 'declared-tracer'
  | 'core-dumps'
  | 'inspector'
  | 'reports'
  | 'heap-snapshots'
  | 'diagnostic-files'
  | 'attached-tracer'
  | 'memory-descriptors'
  | 'children';

export interface CloseOptions {
  /** The process stays dumpable, so the other channels close without the help of `PR_SET_DUMPABLE`. */
  keepDumpable: boolean;
  /** Lowers the hard limit on core dumps too. An unprivileged process can't raise a hard limit again. */
  hardLimits: boolean;
}

export type Undo = (() => void) | 'impossible' | 'nothing';

/** The result of closing a channel. */
export type Closing =
  | {
      state: 'closed';
      /** Operations that this process, or other processes on it, can no longer do. */
      sideEffects: string[];
      /** Restores the earlier state exactly; or says that a restore is `impossible`, or that `nothing` was changed. */
      undo: Undo;
    }
  | {
      state: 'open';
      why: string;
      remedy: string;
      /**
       * True if closing the channel was requested and failed: `policy: 'throw'` then throws. False if the channel is open by
       * nature or by an option.
       */
      isFailure: boolean;
      /** Restores the part that was changed although the channel stayed open. */
      undo?: Undo;
    };

export interface Channel {
  name: ChannelName;
  close(options: CloseOptions): Closing;
}

export const closed = (undo: Undo, sideEffects: string[] = []): Closing => ({
  state: 'closed',
  sideEffects,
  undo,
});

export const failed = (why: string, remedy: string): Closing => ({
  state: 'open',
  why,
  remedy,
  isFailure: true,
});

export const openByNature = (why: string, remedy: string): Closing => ({
  state: 'open',
  why,
  remedy,
  isFailure: false,
});
