#include "syscall/peer_credentials.h"

#include <poll.h>

#include "syscall/result.h"
#include "syscall/unique_fd.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // include/uapi/asm-generic/socket.h
#endif

namespace tracegate {

int ReadPeerCredentials(int fd, ucred* credentials) {
  socklen_t length = sizeof *credentials;
  return ToResult(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length));
}

int PeerHasEnded(int fd) {
  int descriptor;
  socklen_t length = sizeof descriptor;
  const int result = ToResult(getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &descriptor, &length));
  // Before Linux 6.16 the kernel gives no pidfd of a process that was already reaped.
  if (result == -ESRCH || result == -EINVAL) return 1;
  if (result < 0) return result;
  const UniqueFd process(descriptor);
  pollfd event = {process.get(), POLLIN, 0};
  return ToResult(RetryEintr([&] { return poll(&event, 1, 0); }));
}

}  // namespace tracegate
