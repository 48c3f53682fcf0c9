#pragma once

#include <sys/socket.h>

namespace tracegate {

// Who is at the other end of a Unix socket, as it was when it connected, or began to listen: the kernel says it, not the
// peer (SO_PEERCRED, net/unix/af_unix.c, init_peercred). 0; or -errno.
int ReadPeerCredentials(int fd, ucred* credentials);

// SO_PEERPIDFD: whether that process has ended, so that its pid may be another's. 1, 0, or -ENOPROTOOPT before Linux 6.5.
int PeerHasEnded(int fd);

}  // namespace tracegate
