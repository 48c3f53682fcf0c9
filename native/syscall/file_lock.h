#pragma once

namespace tracegate {

// flock(LOCK_EX | LOCK_NB): the lock is the open file's, and ends with its last descriptor. 0 or -errno; -EWOULDBLOCK: another has it.
int LockExclusively(int fd);

}  // namespace tracegate
