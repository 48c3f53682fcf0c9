#include "questions.h"

#include "trace_operations.h"

namespace actor {

namespace {

std::string ToAnswer(const Reply& reply) {
  return reply.error == 0 ? "=" + reply.value : std::to_string(reply.error);
}

}  // namespace

Reply AskAboutEach(const std::vector<pid_t>& pids, AttachBy by) {
  std::string answers;
  for (const pid_t pid : pids) {
    if (!answers.empty()) answers += "/";
    answers += ToAnswer(by == AttachBy::kAttach ? Attach(pid) : Seize(pid));
    answers += "," + ToAnswer(ProcessVmReadv(pid)) + "," + ToAnswer(ReadEnviron(pid));
    answers += "," + ToAnswer(CountByPerf(pid));
  }
  return {0, answers};
}

}  // namespace actor
