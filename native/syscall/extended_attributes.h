#pragma once

namespace tracegate {

// Makes the extended attributes of the file `to_fd` those of `from_fd`: POSIX ACLs, SELinux labels, file capabilities and
// the user's own. security.ima and security.evm stay as they are, since the kernel computes them for each file. Returns 0
// or -errno.
int CopyExtendedAttributes(int from_fd, int to_fd);

// Returns 1 if the directory has a default ACL, which gives each new file its permissions (acl(5)), else 0; or -errno.
int HasDefaultAcl(int directory_fd);

}  // namespace tracegate
