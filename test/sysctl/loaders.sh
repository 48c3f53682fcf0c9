#!/bin/sh
# loaders.sh ORACLE PREFIX TREES plain|kernel LOADER...: runs the real loaders on every tree below TREES, each in its own root.
#   ORACLE  their programs with what they need (oracle.ts), which each root has as its /oracle while they run
#   PREFIX  of the files that this release of them leaves
#   plain   /proc/sys is the root's own directory of ordinary files, which start empty: what is written stays
#   kernel  it is this kernel's, in which the key starts with the number in TREE/initial
# Leaves TREE/PREFIXLOADER.out and TREE/PREFIXLOADER.value.
set -u
oracle=$1
prefix=$2
trees=$3
mode=$4
shift 4
wanted=" $* "
key=proc/sys/kernel/yama/ptrace_scope

# What ufw-init runs at boot, of ufw_start() in ufw 0.36's /lib/ufw/ufw-init-functions.
ufw='
sysctl() { /oracle/ld.so --library-path /oracle /oracle/sysctl "$@"; }
for s in /etc/default/ufw /etc/ufw/ufw.conf; do
  if [ -s "$s" ]; then . "$s"; else exit 1; fi
done
if [ "$ENABLED" = "yes" ] || [ "$ENABLED" = "YES" ]; then
  if [ ! -z "$IPT_SYSCTL" ] && [ -s "$IPT_SYSCTL" ]; then
    sysctl -e -q -p $IPT_SYSCTL || true
  fi
fi'

# What Void's core-services/08-sysctl.sh (void-runit) does.
void='
mkdir -p /run/vsysctl.d
for f in /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
  link=/run/vsysctl.d/${f##*/}
  if [ -e "$f" ] && ! [ -e "$link" ]; then ln -s "$f" "$link"; fi
done
for f in /run/vsysctl.d/*.conf; do sysctl -p "$f"; done
rm -rf /run/vsysctl.d
sysctl -p /etc/sysctl.conf'

# What Alpine's /etc/init.d/sysctl (aports, main/openrc/sysctl.initd) does.
alpine='
has() { [ -f "/$1/sysctl.d/${f##*/}" ]; }
apply() { [ ! -f "$f" ] || sysctl -q -p "$f"; }
for f in /lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do has etc || has run || apply; done
for f in /etc/sysctl.d/*.conf; do has run || apply; done
f=/etc/sysctl.conf
apply
for f in /run/sysctl.d/*.conf; do apply; done'

# The commands of a script, and its sysctl.
applets='
for applet in mkdir ln rm; do eval "$applet() { /oracle/busybox $applet \"\$@\"; }"; done
'
procps='sysctl() { /oracle/ld.so --library-path /oracle /oracle/sysctl "$@"; }
'
busybox='sysctl() { /oracle/busybox sysctl "$@"; }
'

script() {
  load "$1" /oracle/busybox sh -c "$applets$2"
}

# busybox would create the files that it doesn't find in place of /proc/sys: without CAP_DAC_OVERRIDE it can't.
in_root() {
  if [ "$mode" = kernel ]; then chroot "$root" "$@"; else setpriv --bounding-set=-dac_override chroot "$root" "$@"; fi
}

load() {
  loader=$1
  shift
  case $wanted in *" $loader "*) ;; *) return 0 ;; esac
  if [ "$mode" = kernel ]; then cat "$tree/initial" >"$root/$key"; else : >"$root/$key"; fi
  in_root "$@" >"$tree/$prefix$loader.out" 2>&1 </dev/null
  # Absolute links lead out of the root, seen from here: whether ufw is there is seen from inside.
  if [ -e "$root/etc/default/ufw" ]; then
    chroot "$root" /oracle/busybox sh -c "[ -e /lib/ufw/ufw-init ] || exit; $ufw" >>"$tree/ufw.out" 2>&1 </dev/null
  fi
  cat "$root/$key" >"$tree/$prefix$loader.value"
}

export LC_ALL=C SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_COLOR=0
if [ "$mode" = kernel ]; then
  # A copy in the guest's memory: hostfs is slow.
  cp -r "$oracle" /tmp/oracle
fi
for tree in "$trees"/*; do
  root=$tree/root
  if [ "$mode" = kernel ]; then
    mkdir -p "$root/oracle"
    mount --bind /tmp/oracle "$root/oracle" && mount --bind /proc/sys "$root/proc/sys" || exit 1
  else
    mv "$oracle" "$root/oracle" && chmod -R a-w "$root/proc/sys" && chmod u+w "$root/$key" || exit 1
  fi
  unset CREDENTIALS_DIRECTORY
  [ ! -e "$root/etc/credstore" ] || export CREDENTIALS_DIRECTORY=/etc/credstore
  load systemd-sysctl /oracle/ld.so --library-path /oracle /oracle/systemd-sysctl
  load procps /oracle/ld.so --library-path /oracle /oracle/sysctl --system
  load busybox /oracle/busybox sysctl -p
  script void-procps "$procps$void"
  script void-busybox "$busybox$void"
  script alpine-procps "$procps$alpine"
  script alpine-busybox "$busybox$alpine"
  if [ "$mode" = kernel ]; then
    umount "$root/oracle" "$root/proc/sys" && rmdir "$root/oracle" || exit 1
  else
    mv "$root/oracle" "$oracle" || exit 1
  fi
done
