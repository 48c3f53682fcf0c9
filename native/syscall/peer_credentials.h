#pragma once

#include <sys/socket.h>

namespace tracegate {

// Reads the credentials of the process at the other end of a Unix socket, as they were when that process connected or
// began to listen. The kernel reports the credentials, not the peer (SO_PEERCRED, net/unix/af_unix.c, init_peercred).
// Returns 0 or -errno.
int ReadPeerCredentials(int fd, ucred* credentials);

// SO_PEERPIDFD: returns 1 if the peer process has ended, so that another process may have its pid; else 0. Returns
// -ENOPROTOOPT before Linux 6.5.
int PeerHasEnded(int fd);

}  // namespace tracegate
