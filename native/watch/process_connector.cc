#include "watch/process_connector.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "proc/process_directory.h"
#include "proc/process_status.h"
#include "proc/single_facts.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"
#include "watch/event_time.h"

namespace tracegate {
namespace {

// linux/cn_proc.h has them in an enum whose place differs from release to release.
constexpr uint32_t kEventNone = 0;
constexpr uint32_t kEventPtrace = 0x00000100;
constexpr uint32_t kEventExit = 0x80000000;

// PTRACE_MODE_ATTACH_REALCREDS: include/linux/ptrace.h.
constexpr unsigned kModeAttachRealcreds = 0x12;

// struct cn_msg of linux/connector.h without its end, which is an array of no length.
struct ConnectorHead {
  cb_id id;
  uint32_t seq;
  uint32_t ack;
  uint16_t length;
  uint16_t flags;
};

struct Subscription {
  nlmsghdr header;
  ConnectorHead head;
  uint32_t operation;
};

constexpr size_t kEventOffset = NLMSG_HDRLEN + sizeof(ConnectorHead);
constexpr size_t kWhatOffset = kEventOffset + offsetof(proc_event, what);

// The kernel wakes us for these events alone. Each fork and exec has an event too.
int FilterEvents(int fd) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kWhatOffset),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kEventPtrace), 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kEventExit), 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kEventNone), 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  const sock_fprog filter = {static_cast<unsigned short>(std::size(code)), code};
  return ToResult(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

// The default holds some hundred events. More than net.core.rmem_max needs CAP_NET_ADMIN.
void EnlargeBuffer(int fd) {
  const int size = 4 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0) return;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

int Subscribe(int fd) {
  Subscription wanted = {};
  wanted.header.nlmsg_len = sizeof wanted;
  wanted.header.nlmsg_type = NLMSG_DONE;
  wanted.head.id = {CN_IDX_PROC, CN_VAL_PROC};
  wanted.head.length = sizeof wanted.operation;
  wanted.operation = PROC_CN_MCAST_LISTEN;
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  const int result = ToResult(RetryEintr([&] {
    return sendto(fd, &wanted, sizeof wanted, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  }));
  return result < 0 ? result : 0;
}

// Returns 1 with an event of the kernel's; 0: there is none; or -errno.
int Receive(int fd, proc_event* event) {
  for (;;) {
    std::array<char, 1024> bytes;
    sockaddr_nl sender = {};
    socklen_t sender_length = sizeof sender;
    const ssize_t got = RetryEintr([&] {
      return recvfrom(fd, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&sender),
                      &sender_length);
    });
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    // Another process may send to this socket too.
    if (sender.nl_pid != 0 || static_cast<size_t>(got) < kEventOffset + sizeof *event) continue;
    ConnectorHead head;
    memcpy(&head, bytes.data() + NLMSG_HDRLEN, sizeof head);
    memcpy(event, bytes.data() + kEventOffset, sizeof *event);
    if (head.id.idx == CN_IDX_PROC && head.id.val == CN_VAL_PROC) return 1;
  }
}

uint32_t WhatOf(const proc_event& event) {
  return static_cast<uint32_t>(event.what);
}

// The answer to Subscribe() is there when that call returns: drivers/connector/cn_proc.c, cn_proc_ack().
int ReadAnswer(int fd) {
  for (;;) {
    proc_event event;
    const int result = Receive(fd, &event);
    if (result < 0) return result;
    if (result == 0) return -ENODATA;
    if (WhatOf(event) == kEventNone) return -static_cast<int>(event.event_data.ack.err);
  }
}

ThreadFacts LookAt(pid_t pid, pid_t tid) {
  ThreadFacts thread;
  thread.pid = pid;
  thread.tid = tid;
  thread.start_time = ReadStartTime(ProcessDirectory(pid));
  FileBuffer buffer;
  ProcessStatus status;
  if (ProcessDirectory(tid).Read("status", &buffer) == 0 && ParseStatus(buffer.text(), &status) &&
      status.tgid == pid) {
    thread.uid = status.uids[1];
    ParseName(buffer.text(), &thread.comm);
  }
  return thread;
}

class ProcessConnector : public AccessSource {
 public:
  ProcessConnector(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  int fd() const override { return socket_.get(); }

  int Read(size_t limit, std::vector<AccessEvent>* events) override {
    const EventClock clock;
    while (events->size() < limit) {
      proc_event event;
      const int result = Receive(socket_.get(), &event);
      if (result == 0) return 0;
      if (result == -ENOBUFS) {
        Lost(clock.Now(), events);
      } else if (result < 0) {
        return result;
      } else {
        const double time = clock.TimeOf(event.timestamp_ns);
        if (WhatOf(event) == kEventPtrace) Traced(time, event.event_data.ptrace, events);
        if (WhatOf(event) == kEventExit) Ended(time, event.event_data.exit.process_pid, events);
      }
    }
    return 0;
  }

 private:
  struct Attachment {
    ThreadFacts tracer;
    ThreadFacts target;
  };
  using Attachments = std::unordered_map<pid_t, Attachment>;

  void Traced(double time, const decltype(proc_event::event_data.ptrace)& traced, std::vector<AccessEvent>* events) {
    if (pid_ != 0 && traced.process_tgid != pid_) return;
    if (traced.tracer_pid == 0) {
      const auto at = attachments_.find(traced.process_pid);
      // An attach from before the subscription has no beginning here, and so it has no end.
      if (at != attachments_.end()) End(time, at, events);
      return;
    }
    AccessEvent event;
    event.time = time;
    event.tracer = LookAt(traced.tracer_tgid, traced.tracer_pid);
    event.target = LookAt(traced.process_tgid, traced.process_pid);
    event.mode = kModeAttachRealcreds;
    event.way = Way::kAttach;
    attachments_[traced.process_pid] = {event.tracer, event.target};
    events->push_back(std::move(event));
  }

  // Called for each thread that ends: kernel/exit.c, do_exit().
  void Ended(double time, pid_t tid, std::vector<AccessEvent>* events) {
    for (auto at = attachments_.begin(); at != attachments_.end();) {
      const bool is_over = at->first == tid || at->second.tracer.tid == tid;
      at = is_over ? End(time, at, events) : std::next(at);
    }
  }

  Attachments::iterator End(double time, Attachments::iterator at, std::vector<AccessEvent>* events) {
    AccessEvent event;
    event.kind = EventKind::kEnd;
    event.time = time;
    event.tracer = std::move(at->second.tracer);
    event.target = std::move(at->second.target);
    events->push_back(std::move(event));
    return attachments_.erase(at);
  }

  // The ends of attachments may be among what was lost.
  void Lost(double time, std::vector<AccessEvent>* events) {
    AccessEvent event;
    event.kind = EventKind::kLost;
    event.time = time;
    event.lost = -1;
    events->push_back(std::move(event));
    for (auto at = attachments_.begin(); at != attachments_.end();) {
      FileBuffer buffer;
      ProcessStatus status;
      const bool is_over = ProcessDirectory(at->first).Read("status", &buffer) != 0 ||
                           !ParseStatus(buffer.text(), &status) || status.tracer != at->second.tracer.pid;
      at = is_over ? End(time, at, events) : std::next(at);
    }
  }

  const UniqueFd socket_;
  const pid_t pid_;
  Attachments attachments_;  // by the target's thread
};

}  // namespace

int OpenProcessConnector(pid_t pid, std::unique_ptr<AccessSource>* source) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR));
  if (!fd) return -errno;
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = CN_IDX_PROC;
  int result = FilterEvents(fd.get());
  if (result < 0) return result;
  EnlargeBuffer(fd.get());
  result = ToResult(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  if (result == 0) result = Subscribe(fd.get());
  if (result == 0) result = ReadAnswer(fd.get());
  if (result < 0) return result;
  *source = std::make_unique<ProcessConnector>(std::move(fd), pid);
  return 0;
}

}  // namespace tracegate
