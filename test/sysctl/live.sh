#!/bin/sh
# live.sh apply|boot STATES MAIN: in a lab's kernel, for each directory of STATES, with its etc in the place of /etc:
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
    node "$main" remediate --scope "$(cat "$state/scope")" --apply --until-reboot-i-know --weaker-i-know >"$state/apply.out" 2>&1
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
for state in "$states"/*; do
  unshare -m sh "$0" in "$state" "$main" "$phase" || exit 1
done
