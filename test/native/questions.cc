#include "questions.h"

#include "probe/access_probe.h"
#include "trace_operations.h"

namespace actor {

namespace {

std::string ToAnswer(const Reply& reply) {
  return reply.error == 0 ? "=" + reply.value : std::to_string(reply.error);
}

std::string ToAnswer(const tracegate::Answer& answer) {
  return std::to_string(answer.error) + ":" + std::to_string(tracegate::PackAnsweringCall(answer));
}

// The answers about each, joined by "/".
template <typename About>
Reply OfEach(const std::vector<pid_t>& pids, About about) {
  std::string answers;
  for (const pid_t pid : pids) {
    if (!answers.empty()) answers += "/";
    answers += about(pid);
  }
  return {0, answers};
}

}  // namespace

Reply AskAboutEach(const std::vector<pid_t>& pids, AttachBy by) {
  return OfEach(pids, [by](pid_t pid) {
    std::string answers = ToAnswer(by == AttachBy::kAttach ? Attach(pid) : Seize(pid));
    for (const auto ask :
         {ProcessVmReadv, PidfdGetfd, ReadMem, ReadNamespaceLink, ReadEnviron, CompareMemory, CountByPerf}) {
      answers += "," + ToAnswer(ask(pid));
    }
    return answers;
  });
}

Reply AskProductAboutEach(const std::vector<pid_t>& pids) {
  return OfEach(pids, [](pid_t pid) {
    std::string answers = ToAnswer(tracegate::ProbeAttach(pid));
    for (const auto call :
         {tracegate::Call::kProcessVmReadv, tracegate::Call::kPidfdGetfd, tracegate::Call::kKcmp}) {
      answers += "," + ToAnswer(tracegate::ProbeCall(pid, call));
    }
    return answers;
  });
}

}  // namespace actor
