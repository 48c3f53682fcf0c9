#include "obey.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "agent_host.h"
#include "confinement_operations.h"
#include "credential_operations.h"
#include "namespace_operations.h"
#include "probe/access_probe.h"
#include "probe/attach_probe.h"
#include "questions.h"
#include "secret.h"
#include "self_operations.h"
#include "trace_operations.h"

namespace actor {
namespace {

// The arguments as numbers, and the process' own channel.
struct Call {
  std::vector<uint64_t> numbers;
  int channel;

  pid_t Pid() const { return static_cast<pid_t>(numbers[0]); }
};

Reply BecomeIds(const Call& call) {
  const auto id = [&](size_t at) { return static_cast<uint32_t>(call.numbers[at]); };
  return Become({id(0), id(1), id(2), id(3), call.numbers[4]});
}

Reply BecomeAll(const Call& call) {
  const auto id = [&](size_t at) { return static_cast<uint32_t>(call.numbers[at]); };
  const AllIds ids = {id(0), id(1), id(2), id(3), id(4), id(5), id(6), id(7)};
  return TakeCredentials(ids, call.numbers[8], call.numbers[9]);
}

// UID GID LINES, then as many lines of uid_map, then those of gid_map; three numbers each.
Reply Unshare(const Call& call) {
  const auto number = [&](size_t at) { return static_cast<uint32_t>(call.numbers[at]); };
  if (call.numbers.size() < 3) return {ENOSYS, "want-UID-GID-LINES"};
  NamespacePlan plan = {number(0), number(1), {}, {}};
  const size_t gids = 3 + 3 * size_t{number(2)};
  for (size_t at = 3; at + 2 < call.numbers.size(); at += 3) {
    (at < gids ? plan.uid_map : plan.gid_map).push_back({number(at), number(at + 1), number(at + 2)});
  }
  return UnshareUserNamespace(plan);
}

Reply AskAbout(const Call& call, AttachBy by) {
  return AskAboutEach({call.numbers.begin(), call.numbers.end()}, by);
}

// ERRNO CALLS
Reply Refuse(const Call& call) {
  return RefuseCalls(static_cast<int>(call.numbers[0]), call.numbers[1]);
}

// The value names the answering call, which must not be "none".
Reply FromProduct(const tracegate::Answer& answer) {
  return {answer.error, std::to_string(static_cast<int>(answer.answering_call))};
}

// TOKEN, and the letters of the path.
Reply BeginAgent(const Call& call) {
  if (call.numbers.empty()) return {ENOSYS, "want-TOKEN-PATH"};
  return HostAgent(static_cast<int64_t>(call.numbers[0]), {call.numbers.begin() + 1, call.numbers.end()});
}

constexpr std::chrono::milliseconds kSeizeLimit(5000);

constexpr size_t kAnyNumber = SIZE_MAX;

struct Command {
  const char* name;
  size_t arguments;
  Reply (*run)(const Call&);
};

const Command kCommands[] = {
    {"become", 5, BecomeIds},
    {"become-all", 10, BecomeAll},
    {"unshare-user", kAnyNumber, Unshare},
    {"join-user", 1, [](const Call& call) { return JoinUserNamespace(call.Pid()); }},
    {"dumpable", 1, [](const Call& call) { return SetDumpable(call.numbers[0]); }},
    {"declare", 1, [](const Call& call) { return SetPtracer(call.numbers[0]); }},
    {"subreaper", 0, [](const Call&) { return BecomeSubreaper(); }},
    {"secret", 1,
     [](const Call& call) {
       return Reply{SetSecret(call.numbers[0]) ? 0 : ENOENT, ""};
     }},
    {"parent", 0,
     [](const Call&) {
       return Reply{0, std::to_string(getppid())};
     }},
    {"echo", 1,
     [](const Call& call) {
       return Reply{0, std::to_string(call.numbers[0])};
     }},
    {"reap", 1, [](const Call& call) { return AwaitEnd(call.Pid(), true); }},
    {"await-zombie", 1, [](const Call& call) { return AwaitEnd(call.Pid(), false); }},
    {"await-leader", 0, [](const Call&) { return AwaitLeader(); }},
    {"no-new-privs", 0, [](const Call&) { return SetNoNewPrivs(); }},
    {"refuse", 2, Refuse},
    {"landlock", 0, [](const Call&) { return EnterLandlockDomain(); }},
    {"filter-readv", 0, [](const Call&) { return FilterProcessVmReadv(); }},
    {"exec", 0, [](const Call& call) { return ExecuteAgain(call.channel); }},
    {"confine", 0, [](const Call& call) { return ExecuteConfined(call.channel); }},
    {"exec-copy", 1, [](const Call& call) { return ExecuteCopy(call.numbers[0], call.channel); }},
    {"secret-address", 0, [](const Call&) { return SecretAddress(); }},
    {"host-agent", kAnyNumber, BeginAgent},
    // The kernel's answers.
    {"attach", 1, [](const Call& call) { return Attach(call.Pid()); }},
    {"seize", 1, [](const Call& call) { return Seize(call.Pid()); }},
    {"seize-at-address", 1, [](const Call& call) { return SeizeAtAnAddress(call.Pid()); }},
    {"readv", 1, [](const Call& call) { return ProcessVmReadv(call.Pid()); }},
    {"writev", 1, [](const Call& call) { return ProcessVmWritev(call.Pid()); }},
    {"getfd", 1, [](const Call& call) { return PidfdGetfd(call.Pid()); }},
    {"kcmp", 1, [](const Call& call) { return CompareMemory(call.Pid()); }},
    {"perf", 1, [](const Call& call) { return CountByPerf(call.Pid()); }},
    {"mem", 1, [](const Call& call) { return ReadMem(call.Pid()); }},
    {"environ", 1, [](const Call& call) { return ReadEnviron(call.Pid()); }},
    {"robust-list", 1, [](const Call& call) { return RobustList(call.Pid()); }},
    {"kill", 1, [](const Call& call) { return SignalProcess(call.Pid()); }},
    {"tgkill", 1, [](const Call& call) { return SignalThread(call.Pid()); }},
    {"pidfd-send-signal", 1, [](const Call& call) { return SignalPidfd(call.Pid()); }},
    {"ask-attaching", kAnyNumber, [](const Call& call) { return AskAbout(call, AttachBy::kAttach); }},
    {"ask-seizing", kAnyNumber, [](const Call& call) { return AskAbout(call, AttachBy::kSeize); }},
    {"hold", 1, [](const Call& call) { return Hold(call.Pid()); }},
    {"release", 1, [](const Call& call) { return Release(call.Pid()); }},
    {"traceme", 0, [](const Call&) { return TraceMe(); }},
    // The product's answers.
    {"ask-product", kAnyNumber,
     [](const Call& call) {
       return AskProductAboutEach({call.numbers.begin(), call.numbers.end()});
     }},
    {"probe-access", 1, [](const Call& call) { return FromProduct(tracegate::ProbeAccess(call.Pid())); }},
    {"probe-seize", 1,
     [](const Call& call) { return FromProduct(tracegate::ProbeSeize(call.Pid(), kSeizeLimit)); }},
};

// The same command on a thread that isn't the leader.
Reply ObeyOnThread(const std::vector<std::string>& words, int channel) {
  Reply reply;
  std::thread([&] { reply = Obey(words, channel); }).join();
  return reply;
}

}  // namespace

Reply Obey(const std::vector<std::string>& words, int channel) {
  const std::string& name = words[0];
  if (name == "thread" && words.size() > 1) return ObeyOnThread({words.begin() + 1, words.end()}, channel);
  const auto* command = std::find_if(std::begin(kCommands), std::end(kCommands),
                                     [&](const Command& row) { return name == row.name; });
  if (command == std::end(kCommands) ||
      (command->arguments != kAnyNumber && command->arguments != words.size() - 1))
    return {ENOSYS, "no-such-command"};
  Call call = {{}, channel};
  for (size_t at = 1; at < words.size(); ++at) {
    char* end;
    // A leading minus is negated as an unsigned long: -1 is PR_SET_PTRACER_ANY.
    call.numbers.push_back(strtoull(words[at].c_str(), &end, 0));
    if (*end != 0) return {ENOSYS, "not-a-number"};
  }
  return command->run(call);
}

std::vector<std::string> Split(const std::string& line) {
  std::vector<std::string> words;
  for (size_t begin = 0; (begin = line.find_first_not_of(' ', begin)) != std::string::npos;) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

std::string ToText(const Reply& reply) {
  return std::to_string(reply.error) + (reply.value.empty() ? "" : " " + reply.value);
}

}  // namespace actor
