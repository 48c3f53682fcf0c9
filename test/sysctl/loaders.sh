#!/bin/sh
# loaders.sh ORACLE TREES plain|kernel [LOADER]: runs the real loaders on every tree below TREES, each in its own root.
#   ORACLE  their programs with what they need (oracle.ts); hard links of it stand in every root's /oracle
#   plain   /proc/sys is the root's own directory of ordinary files, which start empty: what is written stays
#   kernel  it is this kernel's, in which the key starts with the number in TREE/initial
# Leaves TREE/LOADER.out and TREE/LOADER.value.
set -u
oracle=$1
trees=$2
mode=$3
only=${4-}
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

in_root() {
  chroot "$root" /oracle/ld.so --library-path /oracle "$@"
}

load() {
  [ -z "$only" ] || [ "$only" = "$1" ] || return 0
  if [ "$mode" = kernel ]; then cat "$tree/initial" >"$root/$key"; else : >"$root/$key"; fi
  loader=$1
  shift
  in_root "$@" >"$tree/$loader.out" 2>&1 </dev/null
  # Absolute links lead out of the root, seen from here: whether ufw is there is seen from inside.
  if [ -e "$root/etc/default/ufw" ]; then
    chroot "$root" /oracle/busybox sh -c "[ -e /lib/ufw/ufw-init ] || exit; $ufw" >>"$tree/ufw.out" 2>&1 </dev/null
  fi
  cat "$root/$key" >"$tree/$loader.value"
}

export LC_ALL=C SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_COLOR=0
if [ "$mode" = kernel ]; then
  # A copy in the guest's memory: hostfs is slow.
  mkdir -p /tmp/oracle
  for file in "$oracle"/*; do [ -c "$file" ] || cp "$file" /tmp/oracle; done
fi
for tree in "$trees"/*; do
  root=$tree/root
  if [ "$mode" = kernel ]; then
    mount --bind /tmp/oracle "$root/oracle" && mount --bind /proc/sys "$root/proc/sys" || exit 1
  fi
  unset CREDENTIALS_DIRECTORY
  [ ! -e "$root/etc/credstore" ] || export CREDENTIALS_DIRECTORY=/etc/credstore
  load systemd-sysctl /oracle/systemd-sysctl
  load procps /oracle/sysctl --system
  if [ "$mode" = kernel ]; then umount "$root/oracle" "$root/proc/sys" || exit 1; fi
done
