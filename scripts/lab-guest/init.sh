# Pid 1 of the lab's guest, a busybox shell. It reads the directory it lies in, which the host wrote for this boot, and
# runs the command once for each scope. On the control channel it answers in lines, for each scope: `running`, then
# `exit CODE` or `signal NUMBER`. `failed REASON` ends the boot. A guest that ends before its last answer has failed.

lab=${0%/*}
. "$lab/settings"

# By its path: busybox starts its applets through /proc/self/exe, and until proc is mounted that is the host's.
"$BUSYBOX" mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
mount -t devtmpfs devtmpfs /dev 2>/dev/null # The kernel may have done it.
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=0620,gid=5,ptmxmode=0666 devpts /dev/pts
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr

exec 3<>"$CONTROL" 4>"$STDOUT" 5>"$STDERR"
for channel in 3 4 5; do
  eval "[ -t $channel ] && stty raw -echo <&$channel"
done

# Reports how a scope ended, and waits for the host. The host answers with a line after it has read the whole output of
# the command, or ends the guest after the last scope.
report() {
  sync
  printf '%s\n' "$*" >&3
  read -r _ <&3
}
finish() {
  report "$*"
  poweroff -f
}

mount -t tmpfs -o mode=0755 tmpfs /run || finish "failed can't mount a tmpfs on /run"
here=/run/tracegate-lab
mkdir -p "$here/host" "$here/lab"
mount --bind "$lab" "$here/lab"
lab=$here/lab
ip link set lo up
hostname localhost
knob=/proc/sys/kernel/yama/ptrace_scope
[ -e "$knob" ] || finish "failed this kernel has no Yama"
mkfifo "$here/stdout" "$here/stderr"

# Each scope begins with an empty /tmp and /dev/shm over those of the host. A bind mount of / alone shows the host's own
# /tmp below the guest's.
mount_scratch() {
  mount --bind / "$here/host"
  mount -t tmpfs -o mode=1777,size=75% tmpfs /tmp
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  . "$lab/mountpoints"
  mount -a -T "$lab/fstab"
  umount "$here/host"
}
unmount_scratch() {
  umount -l /dev/shm
  umount -l /tmp
}

# Processes that the command left running hold its pipes open. setsid(1) put them all outside init's session, which is 0.
# Once more until none is left, because a process may fork in the meantime.
the_rest() {
  ps -o pid,sid,stat | awk 'NR > 1 && $2 != 0 && $3 !~ /^Z/ { print $1 }'
}

# run SCOPE: the command at this scope; its ending is in $ending.
run() {
  echo "$1" >"$knob"
  read -r scope <"$knob"
  [ "$scope" = "$1" ] || finish "failed kernel.yama.ptrace_scope is $scope after $1 was written"
  echo running >&3

  # Through pipes, so that the command sees no terminal. When a pipe has ended, the mark goes after its last byte:
  # the host knows then that nothing is missing.
  { cat <"$here/stdout" && printf %s "$MARK"; } >&4 3>&- 5>&- &
  stdout_pump=$!
  { cat <"$here/stderr" && printf %s "$MARK"; } >&5 3>&- 4>&- &
  stderr_pump=$!
  # time(1) tells an exit code from a signal, which $? doesn't.
  time -o "$here/ending" -f %x "$BUSYBOX" sh "$lab/command" "$1" \
    <"$STDIN" >"$here/stdout" 2>"$here/stderr" 3>&- 4>&- 5>&-
  code=$?
  while rest=$(the_rest) && [ -n "$rest" ]; do
    kill -KILL $rest 2>/dev/null
  done
  wait "$stdout_pump" && wait "$stderr_pump" || finish "failed the command killed processes of the lab's"
  read -r ending <"$here/ending"
  case $ending in
    'Command terminated by signal '*) ending="signal ${ending##* }" ;;
    *) ending="exit $code" ;;
  esac
}

for scope in $SCOPES; do
  mount_scratch
  run "$scope"
  report "$ending"
  unmount_scratch
done
poweroff -f
