#include "trace_operations.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret.h"
#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace actor {

using tracegate::RetryEintr;
using tracegate::UniqueFd;

namespace {

// Lets go of a tracee that is about to stop. Another signal's stop may come first: that signal is passed on.
Reply DetachAtStop(pid_t pid, int awaited) {
  for (;;) {
    int status;
    if (RetryEintr([&] { return waitpid(pid, &status, __WALL); }) < 0) return Failed();
    if (!WIFSTOPPED(status)) return {ESRCH, "ended"};
    const long signal = WSTOPSIG(status);
    if (signal == awaited) return ReplyTo(ptrace(PTRACE_DETACH, pid, nullptr, nullptr));
    if (ptrace(PTRACE_CONT, pid, nullptr, reinterpret_cast<void*>(signal)) != 0) return Failed();
  }
}

std::string ProcPath(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Its address is the same in every process of the tree.
char writable_byte = 0;

uint64_t SecretAddress() {
  return reinterpret_cast<uint64_t>(&secret_word);
}

}  // namespace

Reply Attach(pid_t pid) {
  if (ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return Failed();
  return DetachAtStop(pid, SIGSTOP);
}

Reply Hold(pid_t pid) {
  return ReplyTo(ptrace(PTRACE_SEIZE, pid, nullptr, nullptr));
}

Reply Release(pid_t pid) {
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return Failed();
  return DetachAtStop(pid, SIGTRAP);  // PTRACE_EVENT_STOP
}

Reply Seize(pid_t pid) {
  const Reply held = Hold(pid);
  return held.error != 0 ? held : Release(pid);
}

Reply SeizeAtAnAddress(pid_t pid) {
  return ReplyTo(ptrace(PTRACE_SEIZE, pid, reinterpret_cast<void*>(1), nullptr));
}

Reply TraceMe() {
  return ReplyTo(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
}

Reply ProcessVmReadv(pid_t pid) {
  uint64_t word = 0;
  const iovec local = {&word, sizeof word};
  const iovec remote = {reinterpret_cast<void*>(SecretAddress()), sizeof word};
  if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != sizeof word) return Failed();
  return {0, ToHex(word)};
}

Reply ProcessVmWritev(pid_t pid) {
  char word = 0;
  const iovec local = {&word, sizeof word};
  const iovec remote = {&writable_byte, sizeof word};
  return process_vm_writev(pid, &local, 1, &remote, 1, 0) == sizeof word ? Reply{0, ""} : Failed();
}

Reply ReadMem(pid_t pid) {
  UniqueFd mem(open(ProcPath(pid, "mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (!mem) return Failed();
  uint64_t word = 0;
  const ssize_t got = pread(mem.get(), &word, sizeof word, static_cast<off_t>(SecretAddress()));
  // A zombie's file, before Linux 6.16: later it does not open.
  if (got == 0) return {ESRCH, ""};
  if (got != sizeof word) return Failed();
  return {0, ToHex(word)};
}

Reply PidfdGetfd(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return Failed();
  UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), STDERR_FILENO, 0)));
  return copy ? Reply{0, ""} : Failed();
}

Reply ReadNamespaceLink(pid_t pid) {
  char text[64];
  return ReplyTo(readlink(ProcPath(pid, "ns/user").c_str(), text, sizeof text));
}

Reply CompareMemory(pid_t pid) {
  return ReplyTo(syscall(SYS_kcmp, gettid(), pid, KCMP_VM, 0UL, 0UL));
}

Reply RobustList(pid_t pid) {
  void* head;
  size_t size;
  return ReplyTo(syscall(SYS_get_robust_list, pid, &head, &size));
}

Reply SignalProcess(pid_t pid) {
  return ReplyTo(kill(pid, 0));
}

Reply SignalThread(pid_t pid) {
  return ReplyTo(syscall(SYS_tgkill, pid, pid, 0));
}

Reply SignalPidfd(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return pidfd ? ReplyTo(syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0)) : Failed();
}

Reply ReadEnviron(pid_t pid) {
  UniqueFd environ_file(open(ProcPath(pid, "environ").c_str(), O_RDONLY | O_CLOEXEC));
  if (!environ_file) return Failed();
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(environ_file.get(), buffer, sizeof buffer)) != 0;) {
    if (got < 0) return Failed();
    text.append(buffer, static_cast<size_t>(got));
  }
  const std::string name = std::string(kSecretVariable) + "=";
  const size_t at = text.find(name);
  return {0, at == std::string::npos ? "" : text.substr(at + name.size(), 16)};
}

Reply CountByPerf(pid_t pid) {
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.exclude_kernel = 1;
  UniqueFd counter(static_cast<int>(syscall(SYS_perf_event_open, &attributes, pid, -1, -1, 0UL)));
  if (!counter) return Failed();
  uint64_t count = 0;
  return read(counter.get(), &count, sizeof count) == sizeof count ? Reply{0, ""} : Failed();
}

}  // namespace actor
