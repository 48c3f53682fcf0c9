#include "launch/confine_report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "launch/failure.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// All texts of the report are ours, and need no escape.
std::string Text(const std::string& text) {
  return '"' + text + '"';
}

template <typename Item, typename Write>
std::string List(const std::vector<Item>& items, Write write) {
  std::string list = "[";
  for (const Item& item : items) list += (list.size() == 1 ? "" : ",") + write(item);
  return list + "]";
}

std::string Outcome(int error) {
  switch (error) {
    case 0:
      return Text("allowed");
    case EPERM:
      return Text("EPERM");
    case EACCES:
      return Text("EACCES");
    case ENOSYS:
      return Text("ENOSYS");
    default:
      return Text("error " + std::to_string(error));
  }
}

std::string Names(const std::vector<Channel>& channels) {
  return List(channels, [](Channel channel) { return Text(NameOf(channel)); });
}

std::string Json(const ConfineReport& report) {
  const std::string abi = report.landlock_abi == 0 ? "null" : std::to_string(report.landlock_abi);
  return "{\"schemaVersion\":1,\"landlockAbi\":" + abi +
         ",\"closed\":" + Names(report.closed) + ",\"verified\":" + Names(report.verified) +
         ",\"open\":" + List(report.open, [](const OpenChannel& open) {
           return "{\"channel\":" + Text(NameOf(open.channel)) + ",\"why\":" + Text(open.why) +
                  ",\"remedy\":" + Text(open.remedy) + "}";
         }) +
         ",\"sideEffects\":" + List(report.side_effects, [](const char* effect) { return Text(effect); }) +
         ",\"attempts\":" + List(report.attempts, [](const Attempt& attempt) {
           return "{\"channel\":" + Text(NameOf(attempt.channel)) + ",\"call\":" + Text(attempt.call) +
                  ",\"before\":" + Outcome(attempt.before) + ",\"after\":" + Outcome(attempt.after) + "}";
         }) +
         "}\n";
}

}  // namespace

const char* NameOf(Channel channel) {
  switch (channel) {
    case Channel::kTracing:
      return "tracing";
    case Channel::kSignals:
      return "signals";
    case Channel::kAbstractSockets:
      return "abstract-sockets";
  }
  return "";
}

void WriteReport(const ConfineReport& report, int fd) {
  const std::string json = Json(report);
  const std::string name = "--report-fd " + std::to_string(fd);
  // The launcher's own descriptors are close-on-exec, and those that it got from its caller are not.
  if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) FailErrno(kNotLaunched, name, EBADF);
  // A reader that is gone must not kill this process without a word.
  const auto before = signal(SIGPIPE, SIG_IGN);
  for (size_t at = 0; at < json.size();) {
    const ssize_t written = RetryEintr([&] { return write(fd, &json[at], json.size() - at); });
    if (written <= 0) FailErrno(kNotLaunched, name, errno);
    at += static_cast<size_t>(written);
  }
  signal(SIGPIPE, before);
  if (fd > STDERR_FILENO) UniqueFd{fd};
}

}  // namespace tracegate
