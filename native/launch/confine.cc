#include "launch/confine.h"

#include <errno.h>
#include <sys/prctl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "launch/capabilities.h"
#include "launch/confine_attempts.h"
#include "launch/confine_report.h"
#include "launch/failure.h"
#include "probe/seccomp_gate.h"
#include "syscall/landlock.h"
#include "syscall/prctl.h"

namespace tracegate {
namespace {

struct Obstacle {
  const char* why;
  const char* remedy;
};

constexpr Obstacle kNotAsked = {"it was not asked for", "--confine closes it"};
constexpr Obstacle kNoScopes = {"this kernel's Landlock can't close it", "Linux 6.12 can (Landlock ABI 6)"};

// `abi` is what LandlockAbi() returned. Returns why there is no domain that restricts tracing alone.
Obstacle ObstacleOf(int abi) {
  switch (abi) {
    case 1:
      return {"this kernel's Landlock would also refuse to move files between directories",
              "Linux 5.19 doesn't (Landlock ABI 2)"};
    case -ENOSYS:
      return {"this kernel has no Landlock, or a seccomp filter hides it",
              "it needs Linux 5.19 with CONFIG_SECURITY_LANDLOCK"};
    case -EOPNOTSUPP:
      return {"Landlock is switched off", "add landlock to the list of lsm= on the kernel's command line"};
    default:
      return {"something refuses the use of Landlock, such as a seccomp filter of a container",
              "allow landlock_create_ruleset, landlock_add_rule and landlock_restrict_self there"};
  }
}

// As LandlockAbi(), and -EPERM if a filter would kill this process for the question.
int AbiBehindFilter() {
  const auto [gate, error] = AskGate(Call::kLandlockCreateRuleset);
  return gate == Gate::kRefused && error == 0 ? -EPERM : LandlockAbi();
}

bool Contains(const std::vector<Channel>& channels, Channel channel) {
  return std::find(channels.begin(), channels.end(), channel) != channels.end();
}

bool IsAsked(Confine confine, Channel channel) {
  switch (channel) {
    case Channel::kTracing:
      return true;
    case Channel::kSignals:
      return confine != Confine::kTracing && confine != Confine::kAbstractSockets;
    case Channel::kAbstractSockets:
      return confine != Confine::kTracing && confine != Confine::kSignals;
  }
  return false;
}

uint64_t ScopeOf(Channel channel) {
  return channel == Channel::kSignals            ? kScopeSignal
         : channel == Channel::kAbstractSockets ? kScopeAbstractSocket
                                                 : 0;
}

// Whether a channel that can't be closed ends the start.
bool IsRequired(Confine confine, Channel channel) {
  if (confine == Confine::kBestEffort) return false;
  return channel == Channel::kTracing || confine != Confine::kAvailable;
}

// Sorts the channels into those that the domain will close and those that stay open.
ConfineReport Plan(Confine confine, int abi) {
  ConfineReport report;
  report.landlock_abi = std::max(abi, 0);
  for (const Channel channel : kChannels) {
    const bool is_asked = IsAsked(confine, channel);
    const bool is_possible = abi >= (channel == Channel::kTracing ? kLandlockReferAbi : kLandlockScopesAbi);
    if (is_asked && is_possible) {
      report.closed.push_back(channel);
      continue;
    }
    const Obstacle obstacle = !is_asked ? kNotAsked : abi < kLandlockReferAbi ? ObstacleOf(abi) : kNoScopes;
    report.open.push_back({channel, obstacle.why, obstacle.remedy});
    if (is_asked && IsRequired(confine, channel)) {
      Fail(kNotLaunched, std::string("--confine can't close ") + NameOf(channel) + ": " + obstacle.why + "; " +
                             obstacle.remedy + (channel == Channel::kTracing ? "" : ", or use --confine=available"));
    }
  }
  return report;
}

// Moves the closed channels to the open ones. Without a domain there is nothing to try.
void Open(const Obstacle& obstacle, ConfineReport* report) {
  for (const Channel channel : report->closed) report->open.push_back({channel, obstacle.why, obstacle.remedy});
  report->closed.clear();
  report->attempts.clear();
}

uint64_t ScopesOf(const ConfineReport& report) {
  uint64_t scopes = 0;
  for (const Channel channel : report.closed) scopes |= ScopeOf(channel);
  return scopes;
}

// An attempt that succeeded although its channel should be closed.
const Attempt* FirstReached(const ConfineReport& report) {
  for (const Attempt& attempt : report.attempts) {
    if (attempt.after == 0 && Contains(report.closed, attempt.channel)) return &attempt;
  }
  return nullptr;
}

bool HasOpenedEnvironment(const ConfineReport& report) {
  return std::any_of(report.attempts.begin(), report.attempts.end(), [](const Attempt& attempt) {
    return attempt.call == kOpenEnvironment && attempt.before == 0;
  });
}

void Enter(Confine confine, Threads threads, ConfineReport* report) {
  const uint64_t scopes = ScopesOf(*report);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) {
    FailErrno(kNotLaunched, "--confine: setting no_new_privs", errno);
  }
  report->side_effects.push_back("set-id programs and file capabilities give no rights (no_new_privs)");
  // The attempts show what the command could do after it has made all that is permitted effective.
  const bool may_pass = RaiseCapabilities(kPassLandlock);
  const Victim victim;
  report->attempts = victim.TryBefore();
  if (const int result = EnterLandlockDomain(scopes, threads); result < 0) {
    const Obstacle obstacle = result == -E2BIG
                                  ? Obstacle{"this process is in 16 Landlock domains already", "confine it once"}
                                  : ObstacleOf(result);
    if (confine != Confine::kBestEffort) {
      Fail(kNotLaunched, std::string("--confine: ") + obstacle.why + "; " + obstacle.remedy);
    }
    return Open(obstacle, report);
  }
  if (scopes == 0) report->side_effects.push_back("mount, umount and pivot_root are refused");
  victim.TryAfter(&report->attempts);
  // Without /proc no attempt shows what the command could read from a /proc that it mounts.
  const bool is_unknown = may_pass && !HasOpenedEnvironment(*report);
  if (FirstReached(*report) == nullptr && !is_unknown) return;
  if (const int result = GiveUpCapabilities(kPassLandlock); result < 0) {
    FailErrno(kNotLaunched, "--confine: giving up CAP_PERFMON and CAP_SYS_ADMIN, which read processes outside", -result,
              "start it as an ordinary user");
  }
  report->side_effects.push_back(
      "CAP_SYS_ADMIN and CAP_PERFMON are given up: they read processes in spite of Landlock");
  victim.TryAfter(&report->attempts);
}

// The domain is ours, so whatever it lets through is a fault of the kernel or of tracegate.
void AssertClosed(const ConfineReport& report) {
  const Attempt* const reached = FirstReached(report);
  if (reached == nullptr) return;
  Fail(kNotLaunched, std::string("--confine: ") + reached->call +
                         " still reaches a process outside, so the command was not started: report this");
}

void NoteVerified(ConfineReport* report) {
  for (const Attempt& attempt : report->attempts) {
    const bool is_refused = attempt.after == EPERM || attempt.after == EACCES;
    const bool is_proof = attempt.before == 0 && is_refused && Contains(report->closed, attempt.channel);
    if (is_proof && !Contains(report->verified, attempt.channel)) report->verified.push_back(attempt.channel);
  }
}

// Without a report, says in one line which of the asked channels stay open.
void Warn(Confine confine, const ConfineReport& report) {
  std::string line;
  const OpenChannel* last = nullptr;
  for (const OpenChannel& open : report.open) {
    if (!IsAsked(confine, open.channel)) continue;
    line += (last == nullptr ? "" : ", ") + std::string(NameOf(open.channel));
    last = &open;
  }
  if (last != nullptr) Say("--confine leaves open: " + line + ": " + last->why + "; " + last->remedy);
}

}  // namespace

void ConfineSelf(Confine confine, int report_fd, Threads threads) {
  ConfineReport report = Plan(confine, AbiBehindFilter());
  if (!report.closed.empty()) Enter(confine, threads, &report);
  AssertClosed(report);
  NoteVerified(&report);
  if (report_fd >= 0) {
    WriteReport(report, report_fd);
  } else {
    Warn(confine, report);
  }
}

bool ConfineAllThreads() {
  const bool is_possible =
      AbiBehindFilter() >= kLandlockThreadsAbi && !HasAnyCapability(kPassLandlock) && GetDumpable() == 1;
  if (is_possible) ConfineSelf(Confine::kAvailable, -1, Threads::kAll);
  return is_possible;
}

}  // namespace tracegate
