#!/bin/sh
# live.sh apply|boot STATES MAIN: in a lab's kernel, for each directory of STATES, with its etc in place of /etc:
#   apply  what runs is 0; `tracegate remediate` to the scope in STATE/scope, with `tracegate audit` by
#          STATE/profile.json before and after
#   boot   what runs is 0, as the kernel left it; systemd-sysctl and `sysctl --system`, each from there, then the audit
# Leaves STATE/PHASE.*; the state that asks for 3 has to come last.
set -u
phase=$1 states=$2 main=$3
knob=/proc/sys/kernel/yama/ptrace_scope

if [ "$phase" = in ]; then
  state=$states phase=$4
  mount --bind "$state/etc" /etc || exit 1
  audit() { node "$main" audit --profile "$state/profile.json" --json >"$state/$1.audit"; }
  echo 0 >$knob
  if [ "$phase" = apply ]; then
    audit before
    node "$main" remediate --scope "$(cat "$state/scope")" --apply --allow-irreversible --allow-downgrade >"$state/apply.out" 2>&1
    echo $? >"$state/apply.status"
    cat $knob >"$state/apply.running"
  else
    /lib/systemd/systemd-sysctl
    cat $knob >"$state/boot.systemd-sysctl"
    [ "$(cat "$state/scope")" = 3 ] || echo 0 >$knob
    sysctl --system >/dev/null
    cat $knob >"$state/boot.procps"
  fi
  audit "$phase"
  exit 0
fi
# An audit looks at each program of the machine, which takes most of the time in this guest. So the guest has only the
# programs that run here.
node=$(readlink -f "$(command -v node)")
holds() {
  case $node:$main in "$1"/* | *:"$1"/*) return 0 ;; esac
  return 1
}
for place in /opt /usr/local /usr/libexec; do
  [ ! -d $place ] || holds $place || mount -t tmpfs tmpfs $place || exit 1
done
if ! holds /usr/lib; then
  for part in /usr/lib/*-linux-gnu /usr/lib/systemd; do
    mkdir -p "/run/seen/${part##*/}" && mount --bind "$part" "/run/seen/${part##*/}" || exit 1
  done
  mount --rbind /run/seen /usr/lib || exit 1
fi
for state in "$states"/*; do
  unshare -m sh "$0" in "$state" "$main" "$phase" || exit 1
done
