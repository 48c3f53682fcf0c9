#include "addon/process_table_call.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proc/process_table.h"

namespace tracegate {
namespace {

// Each string once: thousands of processes have some dozens of names and labels, and few processes are a Node with a
// command line.
class Strings {
 public:
  int64_t Add(std::string_view text) {
    auto at = places_.find(text);
    if (at == places_.end()) {
      at = places_.emplace(text, places_.size()).first;
      new_.push_back(at->first);
    }
    return static_cast<int64_t>(at->second);
  }

  // Returns what was added since the last call.
  Napi::Array TakeNew(Napi::Env env) {
    Napi::Array values = Napi::Array::New(env, new_.size());
    for (uint32_t i = 0; i < new_.size(); ++i) values[i] = Napi::String::New(env, new_[i].data(), new_[i].size());
    new_.clear();
    return values;
  }

 private:
  std::map<std::string, size_t, std::less<>> places_;
  std::vector<std::string_view> new_;  // of the keys of places_
};

// The array is empty in a worker that is being terminated.
Napi::Value ToArray(Napi::Env env, const std::vector<double>& numbers) {
  auto array = Napi::Float64Array::New(env, numbers.size());
  if (!array.IsEmpty()) std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

// Columns that many processes share, in the order of PROFILE in lib/kernel/process-rows.ts.
constexpr size_t kProfileColumns = 26;

// PF_EXITING and PF_KTHREAD, the flags that kindOf() of lib/kernel/proc-status.ts asks for. Some other flags change all
// the time.
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
      row.sees_id_maps ? strings->Add(row.id_maps) : -1,
      row.label_error,
      strings->Add(row.label),
      of_node(status.blocked),
      of_node(status.ignored),
      of_node(status.caught),
  };
}

// Each profile once.
class Profiles {
 public:
  int64_t Add(const Profile& profile) {
    const auto [at, is_new] = places_.try_emplace(profile, places_.size());
    if (is_new) new_.insert(new_.end(), profile.begin(), profile.end());
    return static_cast<int64_t>(at->second);
  }

  // Returns what was added since the last call.
  std::vector<double> TakeNew() { return std::exchange(new_, {}); }

 private:
  struct Hash {
    size_t operator()(const Profile& profile) const {
      return std::hash<std::string_view>()({reinterpret_cast<const char*>(profile.data()), sizeof profile});
    }
  };
  std::unordered_map<Profile, size_t, Hash> places_;
  std::vector<double> new_;
};

// Columns that differ from process to process, in the order of ROW in lib/kernel/process-rows.ts.
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

// A table, with the strings and profiles that its portions have already given.
class Reading {
 public:
  Reading(unsigned wanted, size_t portion) : table_(wanted, portion) {}

  // Adds the processes that the first argument names. Returns 0 or -errno.
  int Add(const Napi::Value& pids) {
    if (table_.error() < 0) return table_.error();
    if (pids.IsNull()) {
      const int error = table_.AddListed();
      if (error < 0) return error;
    } else {
      const auto given = pids.As<Napi::Int32Array>();
      std::for_each(given.Data(), given.Data() + given.ElementLength(), [this](pid_t pid) { table_.Add(pid); });
    }
    table_.Complete();
    return 0;
  }
  size_t count() const { return table_.count(); }

  // Returns the next portion, null after the last one, or undefined in a worker that is being terminated.
  Napi::Value Next(Napi::Env env) {
    const std::vector<ProcessRow>& rows = table_.Next();
    if (rows.empty()) return env.Null();
    std::vector<double> numbers;
    numbers.reserve(rows.size() * kRowColumns);
    for (const ProcessRow& row : rows) {
      if (row.sight == Sight::kGone) continue;
      for (const int64_t number : NumbersOf(row, &strings_, &profiles_)) numbers.push_back(static_cast<double>(number));
    }
    const Napi::Value own = ToArray(env, numbers);
    const Napi::Value alike = ToArray(env, profiles_.TakeNew());
    if (own.IsEmpty() || alike.IsEmpty()) return Napi::Value();
    Napi::Object object = Napi::Object::New(env);
    object["rows"] = own;
    object["profiles"] = alike;
    object["strings"] = strings_.TakeNew(env);
    return object;
  }

 private:
  ProcessTable table_;
  Strings strings_;
  Profiles profiles_;
};

}  // namespace

Napi::Value ProcessTableCall(const Napi::CallbackInfo& info) {
  auto reading = std::make_unique<Reading>(info[1].As<Napi::Number>().Uint32Value(),
                                           info[2].As<Napi::Number>().Uint32Value());
  const int error = reading->Add(info[0]);
  if (error < 0) return Napi::Number::New(info.Env(), error);
  Napi::Object object = Napi::Object::New(info.Env());
  object["count"] = Napi::Number::New(info.Env(), static_cast<double>(reading->count()));
  const auto held = std::make_shared<std::unique_ptr<Reading>>(std::move(reading));
  object["next"] = Napi::Function::New(info.Env(), [held](const Napi::CallbackInfo& call) {
    return *held == nullptr ? call.Env().Null() : (*held)->Next(call.Env());
  });
  object["close"] = Napi::Function::New(info.Env(), [held](const Napi::CallbackInfo&) { held->reset(); });
  return object;
}

}  // namespace tracegate
