#include "addon/probed_process_call.h"

#include "probe/probed_process.h"

namespace tracegate {
namespace {

// In the order of lib/kernel/probe-target.ts, COLUMN.
enum Column : size_t {
  kAnswer,  // -1: not asked
  kSight,
  kInode,
  kMadeSeconds,
  kMadeNanoseconds,
  kStartTime,
  kIsKernelThread,
  kState,
  kPpid,
  kTgid,
  kThreads,
  kTracer,
  kUid,
  kGid,
  kColumns,
};

ProcessIdentity IdentityIn(const double* row) {
  const auto number = [row](Column column) { return static_cast<int64_t>(row[column]); };
  return {number(kInode), {number(kMadeSeconds), number(kMadeNanoseconds)}, number(kStartTime), number(kIsKernelThread) != 0};
}

void Write(const ProbedProcess& probed, double* row) {
  const auto& [inode, made, start_time, is_kernel_thread] = probed.identity;
  const ProcessStatus& status = probed.status;
  const int64_t numbers[kColumns] = {
      probed.answer ? Pack(*probed.answer) : -1,
      static_cast<int>(probed.sight),
      inode,
      made.tv_sec,
      made.tv_nsec,
      start_time,
      is_kernel_thread ? 1 : 0,
      status.state,
      status.ppid,
      status.tgid,
      status.threads,
      status.tracer,
      status.uids[1],
      status.gids[1],
  };
  for (size_t at = 0; at < kColumns; ++at) row[at] = static_cast<double>(numbers[at]);
}

}  // namespace

Napi::Value LookAndAskCall(const Napi::CallbackInfo& info) {
  auto row = info[2].As<Napi::Float64Array>();
  if (row.ElementLength() != kColumns) return info.Env().Null();
  const pid_t pid = info[0].As<Napi::Number>().Int32Value();
  const ProbedProcess probed = LookAndAsk(pid, info[1].As<Napi::Boolean>(), IdentityIn(row.Data()));
  Write(probed, row.Data());
  if (probed.sight != Sight::kSeen) return info.Env().Null();
  return Napi::String::New(info.Env(), probed.name.data(), probed.name.size());
}

}  // namespace tracegate
