import { readdirSync, readFileSync } from 'node:fs';
import { linkOf, textOf } from '../kernel/proc-files.js';

/** A TCP socket that listens. */
export interface Listener {
  /** The address by which this machine reaches the listener. */
  host: string;
  port: number;
}

/** TCP_LISTEN. Kernel: include/net/tcp_states.h */
const LISTEN = '0A';

/** Parses words of eight hexadecimal digits. Each word is a number in the byte order of this machine. */
function bytesOf(address: string): number[] {
  const words = address.match(/.{8}/g) ?? [];
  return [...new Uint8Array(Uint32Array.from(words, word => Number.parseInt(word, 16)).buffer)];
}

/** The loopback address stands for the address of all interfaces (0.0.0.0 or ::). */
function hostOf(bytes: readonly number[]): string {
  const isAny = bytes.every(byte => byte === 0);
  if (bytes.length === 4) return isAny ? '127.0.0.1' : bytes.join('.');
  if (isAny) return '::1';
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  return groups.map(group => group.toString(16)).join(':');
}

/** All listeners of the network namespace, by the inode of the socket. */
function listening(): Map<string, Listener> {
  const tables = [readFileSync('/proc/self/net/tcp', 'utf8'), textOf('/proc/self/net/tcp6') ?? ''];
  const lines = tables.flatMap(table => table.split('\n').slice(1));
  const found = new Map<string, Listener>();
  for (const line of lines) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    if (state === LISTEN)
      found.set(inode, { host: hostOf(bytesOf(address)), port: Number.parseInt(port, 16) });
  }
  return found;
}

/**
 * The TCP sockets at which any thread of this process listens. A process may list its own descriptors even if it isn't
 * dumpable.
 *
 * Kernel: net/ipv4/tcp_ipv4.c, get_tcp4_sock(); net/ipv6/tcp_ipv6.c, get_tcp6_sock(); fs/proc/fd.c, proc_fd_permission()
 */
export function ownListeners(): Listener[] {
  const listeners = listening();
  if (listeners.size === 0) return [];
  return readdirSync('/proc/self/fd').flatMap(fd => {
    const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/self/fd/${fd}`) ?? '') ?? [];
    return listeners.get(inode) ?? [];
  });
}
