#include "self_operations.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace actor {

using tracegate::RetryEintr;
using tracegate::UniqueFd;

namespace {

struct CapabilityData {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
};

// All five arguments as unsigned long: the call is variadic.
int Prctl(int option, unsigned long argument) {
  return prctl(option, argument, 0UL, 0UL, 0UL);
}

Reply SetCapabilities(uint64_t wanted) {
  CapabilityData data;
  if (syscall(SYS_capget, &data.header, data.words) != 0) return Failed();
  for (int word = 0; word < 2; ++word) {
    auto& set = data.words[word];
    if (wanted != kAllCapabilities) set.permitted = static_cast<uint32_t>(wanted >> (32 * word));
    set.effective = set.permitted;
    set.inheritable = 0;
  }
  return ReplyTo(syscall(SYS_capset, &data.header, data.words));
}

}  // namespace

Reply Become(const Ids& ids) {
  if (setgroups(0, nullptr) != 0) return Failed();
  if (setresgid(ids.gid, ids.gid, ids.gid) != 0) return Failed();
  // Leaving uid 0 would clear the permitted set (security/commoncap.c, cap_emulate_setxuid).
  if (Prctl(PR_SET_KEEPCAPS, 1) != 0) return Failed();
  if (setresuid(ids.real, ids.effective, ids.saved) != 0) return Failed();
  return SetCapabilities(ids.capabilities);
}

Reply SetDumpable(unsigned long dumpable) {
  if (Prctl(PR_SET_DUMPABLE, dumpable) != 0) return Failed();
  return {0, std::to_string(Prctl(PR_GET_DUMPABLE, 0))};
}

Reply SetPtracer(unsigned long tracer) {
  return ReplyTo(Prctl(PR_SET_PTRACER, tracer));
}

Reply BecomeSubreaper() {
  return ReplyTo(Prctl(PR_SET_CHILD_SUBREAPER, 1));
}

// A parent can wait for the end of a child only after the child's own children have their new parent
// (kernel/exit.c, exit_notify): so this is also the wait for an adoption.
Reply AwaitEnd(pid_t child, bool and_reap) {
  siginfo_t info;
  const int options = WEXITED | (and_reap ? 0 : WNOWAIT);
  return ReplyTo(RetryEintr([&] { return waitid(P_PID, static_cast<id_t>(child), &info, options); }));
}

// Nothing announces it: fs/proc/array.c, do_task_stat() shows it.
Reply AwaitLeader() {
  for (std::string line;; sched_yield()) {
    std::ifstream stat("/proc/self/stat");
    if (!std::getline(stat, line)) return {ENOENT, ""};
    if (line[line.rfind(')') + 2] == 'Z') return {0, ""};
  }
}

Reply FilterProcessVmReadv() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof program / sizeof program[0], program};
  if (Prctl(PR_SET_NO_NEW_PRIVS, 1) != 0) return Failed();
  return ReplyTo(prctl(PR_SET_SECCOMP, static_cast<unsigned long>(SECCOMP_MODE_FILTER), &filter, 0UL, 0UL));
}

namespace {

Reply Execute(const std::string& path, int channel) {
  const std::string fd = std::to_string(channel);
  execl(path.c_str(), "actor", "--executed", fd.c_str(), nullptr);
  return Failed();
}

}  // namespace

Reply ExecuteAgain(int channel) {
  return Execute("/proc/self/exe", channel);
}

Reply ExecuteConfined(int channel) {
  char self[PATH_MAX] = "";
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return Failed();
  const std::string fd = std::to_string(channel);
  // Without a report the launcher would say on standard error what stays open. Roles have no standard input.
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const std::string report = std::to_string(fcntl(null.get(), F_DUPFD, 3));
  execl(getenv("TRACEGATE_ACTOR_LAUNCHER"), "tracegate-launch", "--confine", "--report-fd", report.c_str(), "--", self,
        "--executed", fd.c_str(), nullptr);
  return Failed();
}

Reply ExecuteCopy(uint64_t number, int channel) {
  return Execute(std::string(getenv("TRACEGATE_ACTOR_COPIES")) + "/program-" + std::to_string(number), channel);
}

}  // namespace actor
