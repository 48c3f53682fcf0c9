#include "launch/socket_keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/failure.h"
#include "syscall/result.h"

namespace tracegate {

void KeepSocket(const char* file, int fd) {
  unsigned long long device, inode;
  int begin = 0;
  if (sscanf(file, "%llu:%llu:%n", &device, &inode, &begin) != 2 || begin == 0 || file[begin] != '/') {
    Fail(kUsage, "--remove-socket " + Quoted(file) + ": it is DEVICE:INODE:PATH");
  }
  const char* const path = file + begin;
  setsid();
  // A signal that ends the app's process group must not end this process before the removal.
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(signal, &ignore, nullptr);
  }
  if (chdir("/") != 0) _exit(kNotLaunched);
  char byte;
  while (RetryEintr([&] { return read(fd, &byte, 1); }) > 0) {
  }
  struct stat now;
  const bool is_own = lstat(path, &now) == 0 && now.st_dev == device && now.st_ino == inode;
  if (is_own && unlink(path) != 0) FailErrno(kNotLaunched, "removing " + Quoted(path), errno);
  _exit(0);
}

}  // namespace tracegate
