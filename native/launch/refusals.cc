#include "launch/refusals.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "launch/failure.h"
#include "proc/process_directory.h"
#include "proc/single_facts.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// Returns whether the kernel looks at set-id bits and file capabilities at all: fs/exec.c, bprm_fill_uid();
// security/commoncap.c, get_file_caps().
bool MayGain(int file) {
  struct statvfs system;
  if (prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1) return false;
  return fstatvfs(file, &system) != 0 || (system.f_flag & ST_NOSUID) == 0;
}

// Returns whether the set-id bits change an id. The set-gid bit has another meaning if the group may not execute the
// file.
bool ChangesIds(const struct stat& status) {
  constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;
  return ((status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid()) ||
         ((status.st_mode & kSetGroup) == kSetGroup && status.st_gid != getegid());
}

// Refuses a program that would lose privileges as a copy. If its exec gains no privileges, the copy loses nothing.
void RefusePrivileged(const Program& program, const char* advice, struct stat* status) {
  const int file = program.file.get();
  if (fstat(file, status) != 0) FailErrno(kNotLaunched, Quoted(program.path), errno);
  const bool is_set_id = ChangesIds(*status);
  const bool has_capabilities = fgetxattr(file, "security.capability", nullptr, 0) >= 0;
  if ((is_set_id || has_capabilities) && MayGain(file)) {
    Fail(kNotLaunched, Quoted(program.path) +
                           (is_set_id ? " is a set-id program: " : " has file capabilities: ") + advice);
  }
}

}  // namespace

void RefuseToCopy(const Program& program, struct stat* status) {
  RefusePrivileged(program, kToDeny.set_id_advice, status);
  if (program.elf.follows_origin) {
    Fail(kNotLaunched, Quoted(program.path) +
                           " finds its libraries beside itself ($ORIGIN), which a copy would not: use "
                           "--deny=preload");
  }
}

void RefuseToPreload(const Program& program, const std::string& library, const PreloadPurpose& purpose) {
  const std::string name = Quoted(program.path);
  const std::string advice = purpose.advice;
  if (!program.file) {
    // An unreadable program starts non-dumpable, whatever the dynamic linker does.
    if (purpose.allows_unreadable) return RefuseIfUnreadableIsDumpable();
    Fail(kNotLaunched, name + " can't be read, so it may be statically linked: " + advice);
  }
  struct stat status;
  RefusePrivileged(program, purpose.set_id_advice, &status);
  if (!program.elf.is_native) Fail(kNotLaunched, name + " is for another architecture: " + advice);
  if (!program.elf.is_dynamic) {
    Fail(kNotLaunched, name + " is statically linked, so no dynamic linker preloads anything: " + advice);
  }
  if (library.find_first_of(" :") != std::string::npos) {
    Fail(kNotLaunched, Quoted(library) + ": LD_PRELOAD separates by blanks and colons: " + advice);
  }
  const UniqueFd opened(open(library.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) {
    FailErrno(kNotLaunched, Quoted(library), errno,
              "the dynamic linker would go on without it: install tracegate again");
  }
  if (!ReadElf(opened.get()).is_native) {
    Fail(kNotLaunched, Quoted(library) + " is no library for this architecture, the dynamic linker would go on without "
                       "it: install tracegate again, on this machine");
  }
  struct statvfs system;
  if (statvfs(library.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    Fail(kNotLaunched, Quoted(library) + " lies on a noexec file system, the dynamic linker would go on "
                       "without it: " + advice);
  }
}

// The exec sets the dumpable of an unreadable program to fs.suid_dumpable: fs/exec.c, begin_new_exec().
void RefuseIfUnreadableIsDumpable() {
  constexpr char kSetting[] = "/proc/sys/fs/suid_dumpable";
  const UniqueFd setting(open(kSetting, O_RDONLY | O_CLOEXEC));
  char value = 0;
  if (!setting || RetryEintr([&] { return read(setting.get(), &value, 1); }) != 1) {
    FailErrno(kNotLaunched, std::string("reading ") + kSetting, errno,
              "it decides whether the program would be closed: mount the whole /proc");
  }
  if (value == '1') {
    Fail(kNotLaunched, "fs.suid_dumpable is 1, with which the kernel would leave the program open: set it to 0 as root "
                       "(sysctl fs.suid_dumpable=0), or use --deny=preload if the program can be read");
  }
}

void RefuseIfTraced() {
  const int64_t tracer = ReadTracer(ProcessDirectory::OfSelf());
  if (tracer < 0) Fail(kNotLaunched, "/proc/self/status doesn't say whether somebody traces this process: mount /proc");
  if (tracer != 0) {
    Fail(kNotLaunched,
         "process " + std::to_string(tracer) + " traces this one and would keep it: detach it first");
  }
}

}  // namespace tracegate
