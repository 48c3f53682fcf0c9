import type { Dumpable } from '../kernel/dumpable.js';
import type { PtracerResult } from '../kernel/ptracer.js';

/** The messages between the demo and its victim. */
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
