import type { Dumpable } from '../kernel/dumpable.js';
import type { PtracerResult } from '../kernel/ptracer.js';

/** What the demo and its victim say to each other. */
export interface VictimStart {
  uid: number;
  gid: number;
}

export type VictimCommand =
  | { name: 'hold'; secret: string }
  | { name: 'opt-out' }
  | { name: 'declare'; debugger: number };

export interface VictimReply {
  dumpable: Dumpable;
  ptracer: PtracerResult | null;
  held: number;
}
