#include "process_table_call.h"

#include <algorithm>
#include <array>
#include <functional>
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

// Empty in a worker that is being terminated.
Napi::Value ToArray(Napi::Env env, const std::vector<double>& numbers) {
  auto array = Napi::Float64Array::New(env, numbers.size());
  if (!array.IsEmpty()) std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

// What many processes have alike, in the order that lib/kernel/process-table.ts reads: PROFILE.
constexpr size_t kProfileColumns = 26;

// PF_EXITING and PF_KTHREAD, those that lib/kernel/proc-status.ts, kindOf(), asks for. Some of the others change all the time.
constexpr int64_t kKindFlags = 0x00000004 | 0x00200000;

using Profile = std::array<int64_t, kProfileColumns>;

Profile ProfileOf(const ProcessRow& row, Strings* strings) {
  const ProcessStatus& status = row.status;
  const auto& [real_uid, effective_uid, saved_uid, fs_uid] = status.uids;
  const auto& [real_gid, effective_gid, saved_gid, fs_gid] = status.gids;
  const auto of_node = [&row](int64_t number) { return row.is_node ? number : -1; };
  return {
      row.stat.state,
      row.stat.flags & kKindFlags,
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
      status.tracer,
      status.seccomp,
      status.no_new_privs,
      row.owner_uid,
      row.owner_gid,
      row.user_ns,
      row.has_id_maps ? 1 : 0,
      row.label_error,
      strings->Add(row.label),
      of_node(status.blocked),
      of_node(status.ignored),
      of_node(status.caught),
  };
}

// Each once.
class Profiles {
 public:
  int64_t Add(const Profile& profile) {
    const auto [at, is_new] = places_.try_emplace(profile, places_.size());
    if (is_new) numbers_.insert(numbers_.end(), profile.begin(), profile.end());
    return static_cast<int64_t>(at->second);
  }
  const std::vector<double>& numbers() const { return numbers_; }

 private:
  struct Hash {
    size_t operator()(const Profile& profile) const {
      return std::hash<std::string_view>()({reinterpret_cast<const char*>(profile.data()), sizeof profile});
    }
  };
  std::unordered_map<Profile, size_t, Hash> places_;
  std::vector<double> numbers_;
};

// What is each one's own, likewise: ROW.
constexpr size_t kRowColumns = 9;

std::array<int64_t, kRowColumns> NumbersOf(const ProcessRow& row, Strings* strings, Profiles* profiles) {
  return {
      static_cast<int64_t>(row.sight),
      row.pid,
      row.stat.ppid,
      row.status.tgid,
      row.stat.start_time,
      strings->Add(row.stat.name),
      row.status.threads,
      row.is_node ? strings->Add(row.command_line) : -1,
      row.sight == Sight::kSeen ? profiles->Add(ProfileOf(row, strings)) : -1,
  };
}

// Null if there are none, undefined in a worker that is being terminated.
Napi::Value ToValue(const ProcessTable::Rows& rows, const Napi::Env env) {
  if (rows.begin() == rows.end()) return env.Null();
  Strings strings(env);
  Profiles profiles;
  std::vector<double> numbers;
  numbers.reserve(static_cast<size_t>(rows.end() - rows.begin()) * kRowColumns);
  for (const ProcessRow& row : rows) {
    if (row.sight == Sight::kGone) continue;
    for (const int64_t number : NumbersOf(row, &strings, &profiles)) numbers.push_back(static_cast<double>(number));
  }
  const Napi::Value own = ToArray(env, numbers);
  const Napi::Value alike = ToArray(env, profiles.numbers());
  if (own.IsEmpty() || alike.IsEmpty()) return Napi::Value();
  Napi::Object object = Napi::Object::New(env);
  object["rows"] = own;
  object["profiles"] = alike;
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
