# systemd-start.sh DIRECTORY: what the real systemd would start with the unit files of each tree in DIRECTORY, by `systemd --test`.
# TREE/commandline has the kernel command line, of which only pid 1 would take `systemd.unit=`: TREE/unit has this unit. The answer
# is in TREE.jobs. Run it as root.
set -eu
in_tree() {
  mount --make-rprivate /
  mount -t tmpfs none /usr/local
  mkdir -p /usr/local/lib/systemd/system
  for path in etc/systemd usr/lib/systemd/system usr/local/lib/systemd/system; do
    mkdir -p "$1/$path"
    mount --bind "$1/$path" "/$path"
  done
  # Without the machine's own scripts, of which systemd-sysv-generator makes units.
  mount -t tmpfs none /etc/init.d
  mount -t tmpfs none /run
  # It refuses to run as root.
  exec setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/tmp \
    SYSTEMD_PROC_CMDLINE="$(cat "$1/commandline")" \
    /lib/systemd/systemd --test --system --no-pager --log-target=console --show-status=0 $(cat "$1/unit")
}
if [ "${2-}" = one ]; then in_tree "$1"; fi
for tree in "$1"/*/; do
  tree=${tree%/}
  unshare --mount sh "$0" "$tree" one >"$tree.jobs" 2>"$tree.log" || echo "exit $?" >>"$tree.log"
done
