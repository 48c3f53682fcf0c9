#include "channel.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "syscall/result.h"

namespace actor {

using tracegate::RetryEintr;
using tracegate::UniqueFd;

namespace {

// Some hundred pids, or the answers about them.
constexpr size_t kLongestMessage = 16384;

// Room for one descriptor.
union Ancillary {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr aligned;
};

}  // namespace

std::pair<UniqueFd, UniqueFd> NewChannel() {
  int ends[2] = {-1, -1};
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool Send(int channel, const std::string& message, int passed) {
  iovec text = {const_cast<char*>(message.data()), message.size()};
  Ancillary ancillary = {};
  msghdr header = {};
  header.msg_iov = &text;
  header.msg_iovlen = 1;
  if (passed >= 0) {
    header.msg_control = ancillary.bytes;
    header.msg_controllen = sizeof ancillary.bytes;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof passed);
    memcpy(CMSG_DATA(rights), &passed, sizeof passed);
  }
  return RetryEintr([&] { return sendmsg(channel, &header, MSG_NOSIGNAL); }) >= 0;
}

bool Receive(int channel, std::string* message, UniqueFd* passed) {
  char buffer[kLongestMessage];
  iovec text = {buffer, sizeof buffer};
  Ancillary ancillary = {};
  msghdr header = {};
  header.msg_iov = &text;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.bytes;
  header.msg_controllen = sizeof ancillary.bytes;
  const ssize_t length = RetryEintr([&] { return recvmsg(channel, &header, 0); });
  if (length <= 0) return false;
  message->assign(buffer, static_cast<size_t>(length));
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr && passed != nullptr) {
    int fd;
    memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    *passed = UniqueFd(fd);
  }
  return true;
}

}  // namespace actor
