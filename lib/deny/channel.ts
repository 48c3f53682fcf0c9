/** A way into a process, or out of it, that denyTracing() closes or reports. One file each. */
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
  /** The process stays dumpable, and so open to who may trace it. */
  keepDumpable: boolean;
  /** Lower the hard limit on core dumps too, which can't be raised again without privilege. */
  hardLimits: boolean;
}

export type Undo = (() => void) | 'impossible' | 'nothing';

/** What became of a channel. */
export type Closing =
  | {
      state: 'closed';
      /** What this process can't do any more, or others with it. */
      sideEffects: string[];
      /** Brings back exactly what was there; where that can't be, or nothing was changed, it says so. */
      undo: Undo;
    }
  | {
      state: 'open';
      why: string;
      remedy: string;
      /** Whether it was to be closed and could not be: then `policy: 'throw'` throws. Others are there by nature. */
      isFailure: boolean;
      /** Of what was changed all the same. */
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
