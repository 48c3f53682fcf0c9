# launch.sh DIRECTORY PROGRAM ARGS…: runs the kernel, and ends it if the lab ends first.
# Descriptor 3 is a socket of the lab's: a line on it means "start", its end means that the lab is gone, even by
# kill -9. The lab starts this in its own session, so that process group 0 holds all processes of the kernel:
# User-Mode Linux has one host process for each guest process and leaves them running when it is killed.

directory=$1
shift
if ! read -r _ <&3; then
  rm -rf "$directory"
  exit 1
fi
(
  # A User-Mode Linux that panics sends SIGTERM to its group (os_dump_core in arch/um/os-Linux/util.c).
  trap '' HUP INT TERM
  exec <&3 3<&- 4<&- 5<&- 6<&- >/dev/null 2>&1
  while read -r _; do :; done
  rm -rf "$directory"
  kill -KILL 0
) &
exec 3<&-
# A panic would dump the guest's memory as a core file into the caller's directory.
ulimit -c 0
# hostfs keeps a descriptor for each inode that the guest knows.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec "$@"
