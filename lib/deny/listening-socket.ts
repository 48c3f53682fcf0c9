import { readdirSync } from 'node:fs';
import { linkOf, textOf } from '../kernel/proc-files.js';

/** TCP_LISTEN. Kernel: include/net/tcp_states.h */
const LISTEN = '0A';

/** The inodes of the sockets that listen at this port, of every process of the network namespace. */
function inodesAt(port: number): string[] {
  return ['tcp', 'tcp6'].flatMap(table => {
    const lines = (textOf(`/proc/self/net/${table}`) ?? '').split('\n').slice(1);
    return lines
      .map(line => line.trim().split(/\s+/))
      .filter(
        ([, local = '', , state]) => state === LISTEN && parseInt(local.split(':')[1] ?? '', 16) === port,
      )
      .map(fields => fields[9] ?? '');
  });
}

/**
 * Whether this process, whichever thread of it, listens at this port.
 *
 * Kernel: net/ipv4/tcp_ipv4.c, get_tcp4_sock(); fs/proc/fd.c, proc_fd_permission() leaves us our own also when not dumpable
 */
export function listensAt(port: number): boolean {
  const sockets = inodesAt(port).map(inode => `socket:[${inode}]`);
  if (sockets.length === 0) return false;
  return readdirSync('/proc/self/fd').some(fd => sockets.includes(linkOf(`/proc/self/fd/${fd}`) ?? ''));
}
