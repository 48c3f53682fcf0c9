import type { Socket } from 'node:net';

/** Node has no public API for the descriptor of a socket. The result is -1 if the socket is closed. */
export const descriptorOf = (socket: Socket): number =>
  (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
