#pragma once

namespace tracegate {

// flock(LOCK_EX | LOCK_NB): the lock belongs to the open file, and ends when the last descriptor of that file is
// closed. Returns 0 or -errno. -EWOULDBLOCK: another open file has the lock.
int LockExclusively(int fd);

}  // namespace tracegate
