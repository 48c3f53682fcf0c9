#include "process_table_call.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "process_table.h"

namespace tracegate {
namespace {

// Each string once: thousands of processes have some dozens of names and labels.
class Strings {
 public:
  explicit Strings(Napi::Env env) : env_(env), values_(Napi::Array::New(env)) {}

  int64_t Add(std::string_view text) {
    const auto [at, is_new] = places_.try_emplace(text, places_.size());
    if (is_new) {
      values_[static_cast<uint32_t>(at->second)] = Napi::String::New(env_, text.data(), text.size());
    }
    return static_cast<int64_t>(at->second);
  }
  Napi::Array values() const { return values_; }

 private:
  Napi::Env env_;
  Napi::Array values_;
  std::unordered_map<std::string_view, size_t> places_;  // of texts that the rows hold
};

constexpr size_t kColumns = 34;

// The columns, in the order that lib/kernel/process-table.ts reads.
std::array<int64_t, kColumns> NumbersOf(const ProcessRow& row, Strings* strings) {
  const ProcessStatus& status = row.status;
  const ProcessStat& stat = row.stat;
  const auto& [real_uid, effective_uid, saved_uid, fs_uid] = status.uids;
  const auto& [real_gid, effective_gid, saved_gid, fs_gid] = status.gids;
  return {
      static_cast<int64_t>(row.sight),
      row.pid,
      stat.ppid,
      status.tgid,
      stat.start_time,
      strings->Add(stat.name),
      stat.state,
      stat.flags,
      real_uid,
      effective_uid,
      saved_uid,
      fs_uid,
      real_gid,
      effective_gid,
      saved_gid,
      fs_gid,
      status.permitted,
      status.effective,
      status.inheritable,
      status.bounding,
      status.threads,
      status.tracer,
      status.seccomp,
      status.no_new_privs,
      status.blocked,
      status.ignored,
      status.caught,
      row.owner_uid,
      row.owner_gid,
      row.user_ns,
      row.has_id_maps ? 1 : 0,
      row.label_error,
      strings->Add(row.label),
      row.is_node ? strings->Add(row.command_line) : -1,
  };
}

// Null if there are none, undefined in a worker that is being terminated.
Napi::Value ToValue(const ProcessTable::Rows& rows, const Napi::Env env) {
  if (rows.begin() == rows.end()) return env.Null();
  const auto is_there = [](const ProcessRow& row) { return row.sight != Sight::kGone; };
  const auto count = static_cast<size_t>(std::count_if(rows.begin(), rows.end(), is_there));
  auto numbers = Napi::Float64Array::New(env, count * kColumns);
  if (numbers.IsEmpty()) return Napi::Value();
  Strings strings(env);
  double* at = numbers.Data();
  for (const ProcessRow& row : rows) {
    if (!is_there(row)) continue;
    for (const int64_t number : NumbersOf(row, &strings)) *at++ = static_cast<double>(number);
  }
  Napi::Object object = Napi::Object::New(env);
  object["numbers"] = numbers;
  object["strings"] = strings.values();
  return object;
}

}  // namespace

Napi::Value ProcessTableCall(const Napi::CallbackInfo& info) {
  const auto listed = info[0].As<Napi::Int32Array>();
  const std::vector<pid_t> pids(listed.Data(), listed.Data() + listed.ElementLength());
  auto table = std::make_unique<ProcessTable>(pids, info[1].As<Napi::Number>().Uint32Value(),
                                              info[2].As<Napi::Number>().Uint32Value());
  if (table->error() < 0) return Napi::Number::New(info.Env(), table->error());
  const auto held = std::make_shared<std::unique_ptr<ProcessTable>>(std::move(table));
  Napi::Object object = Napi::Object::New(info.Env());
  object["next"] = Napi::Function::New(info.Env(), [held](const Napi::CallbackInfo& call) {
    return *held == nullptr ? call.Env().Null() : ToValue((*held)->Next(), call.Env());
  });
  object["close"] = Napi::Function::New(info.Env(), [held](const Napi::CallbackInfo&) { held->reset(); });
  return object;
}

}  // namespace tracegate
