# Pid 1 of the lab's guest, a busybox shell. Reads the directory it lies in, which the host wrote for this boot;
# answers in lines on the control channel: `running`, then `exit CODE` or `signal NUMBER`; or
# `failed REASON`. A guest that ends without one of the last three has failed.

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

# The host ends the guest when it has read everything; the wait is for that.
finish() {
  sync
  printf '%s\n' "$*" >&3
  read -r _ <&3
  poweroff -f
}

mount -t tmpfs -o mode=0755 tmpfs /run || finish "failed can't mount a tmpfs on /run"
here=/run/tracegate-lab
mkdir -p "$here/host" "$here/lab"
mount --bind / "$here/host"
mount --bind "$lab" "$here/lab"
lab=$here/lab
mount -t tmpfs -o mode=1777,size=75% tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
. "$lab/mountpoints"
mount -a -T "$lab/fstab"
umount "$here/host"

ip link set lo up
hostname localhost

knob=/proc/sys/kernel/yama/ptrace_scope
[ -e "$knob" ] || finish "failed this kernel has no Yama"
echo "$SCOPE" >"$knob"
read -r scope <"$knob"
[ "$scope" = "$SCOPE" ] || finish "failed kernel.yama.ptrace_scope is $scope after $SCOPE was written"
echo running >&3

# Through pipes, so that the command sees no terminal. When a pipe has ended, the mark goes after its last byte:
# the host knows then that nothing is missing.
mkfifo "$here/stdout" "$here/stderr"
{ cat <"$here/stdout" && printf %s "$MARK"; } >&4 3>&- 5>&- &
stdout_pump=$!
{ cat <"$here/stderr" && printf %s "$MARK"; } >&5 3>&- 4>&- &
stderr_pump=$!
# time(1) tells an exit code from a signal, which $? doesn't.
time -o "$here/ending" -f %x "$BUSYBOX" sh "$lab/command" \
  <"$STDIN" >"$here/stdout" 2>"$here/stderr" 3>&- 4>&- 5>&-
code=$?

# What the command left running holds its pipes open. setsid(1) put it all outside init's session, which is 0.
# Once more until none is left, for what was forked in the meantime.
the_rest() {
  ps -o pid,sid,stat | awk 'NR > 1 && $2 != 0 && $3 !~ /^Z/ { print $1 }'
}
while rest=$(the_rest) && [ -n "$rest" ]; do
  kill -KILL $rest 2>/dev/null
done
wait "$stdout_pump" && wait "$stderr_pump" || finish "failed the command killed processes of the lab's"

read -r ending <"$here/ending"
case $ending in
  'Command terminated by signal '*) finish "signal ${ending##* }" ;;
  *) finish "exit $code" ;;
esac
