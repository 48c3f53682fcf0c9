import type { Socket } from 'node:net';

/** Node keeps the descriptor of a socket to itself. -1 where it is closed. */
export const descriptorOf = (socket: Socket): number =>
  (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
