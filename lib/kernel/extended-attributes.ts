import { SyscallError } from '../errors.js';
import { native } from './native.js';

/**
 * Makes the extended attributes of one open file those of another: ACLs, SELinux labels, file capabilities and the user's own.
 * The hashes of IMA and EVM stay, since they belong to the content.
 *
 * Kernel: fs/xattr.c, flistxattr(2), fgetxattr(2) and fsetxattr(2)
 *
 * @throws SyscallError if an attribute can't be read or set
 */
export function copyExtendedAttributes(fromFd: number, toFd: number): void {
  const result = native().copyExtendedAttributes(fromFd, toFd);
  if (result < 0) throw new SyscallError(result, { syscall: 'fsetxattr' });
}

/**
 * True if the open directory has a default ACL, which gives each new file in it its permissions. The umask then has no effect.
 *
 * Kernel: fs/posix_acl.c, posix_acl_create()
 */
export function hasDefaultAcl(directoryFd: number): boolean {
  const result = native().hasDefaultAcl(directoryFd);
  if (result < 0) throw new SyscallError(result, { syscall: 'fgetxattr' });
  return result === 1;
}
