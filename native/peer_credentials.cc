#include "peer_credentials.h"

#include "result.h"

namespace tracegate {

int ReadPeerCredentials(int fd, ucred* credentials) {
  socklen_t length = sizeof *credentials;
  return ToResult(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length));
}

}  // namespace tracegate
