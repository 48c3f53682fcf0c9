#include "syscall/file_lock.h"

#include <sys/file.h>

#include "syscall/result.h"

namespace tracegate {

int LockExclusively(int fd) {
  return ToResult(RetryEintr([fd] { return flock(fd, LOCK_EX | LOCK_NB); }));
}

}  // namespace tracegate
