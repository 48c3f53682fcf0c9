#include "addon/process_table_call.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
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

// A column of a row or a profile: the name by which lib/kernel/process-rows.ts asks for it, and its number. -1: not seen.
template <typename Source>
struct Column {
  const char* name;
  int64_t (*number)(Source source);
};

// PF_EXITING and PF_KTHREAD, the flags that kindOf() of lib/kernel/proc-status.ts asks for. Some other flags change all
// the time.
constexpr int64_t kKindFlags = 0x00000004 | 0x00200000;

struct ProfileSource {
  const ProcessRow& row;
  const ProcessStatus& status;
  Strings* strings;
};

using OfProfile = const ProfileSource&;

// Columns that many processes share.
constexpr Column<OfProfile> kProfileColumns[] = {
    {"state", [](OfProfile of) -> int64_t { return of.row.stat.state; }},
    {"kindFlags", [](OfProfile of) { return of.row.stat.flags & kKindFlags; }},
    {"realUid", [](OfProfile of) { return of.status.uids[0]; }},
    {"effectiveUid", [](OfProfile of) { return of.status.uids[1]; }},
    {"savedUid", [](OfProfile of) { return of.status.uids[2]; }},
    {"fsUid", [](OfProfile of) { return of.status.uids[3]; }},
    {"realGid", [](OfProfile of) { return of.status.gids[0]; }},
    {"effectiveGid", [](OfProfile of) { return of.status.gids[1]; }},
    {"savedGid", [](OfProfile of) { return of.status.gids[2]; }},
    {"fsGid", [](OfProfile of) { return of.status.gids[3]; }},
    {"permitted", [](OfProfile of) { return of.status.permitted; }},
    {"effective", [](OfProfile of) { return of.status.effective; }},
    {"inheritable", [](OfProfile of) { return of.status.inheritable; }},
    {"bounding", [](OfProfile of) { return of.status.bounding; }},
    {"tracer", [](OfProfile of) { return of.status.tracer; }},
    {"seccomp", [](OfProfile of) { return of.status.seccomp; }},
    {"noNewPrivs", [](OfProfile of) { return of.status.no_new_privs; }},
    {"ownerUid", [](OfProfile of) { return of.row.owner_uid; }},
    {"ownerGid", [](OfProfile of) { return of.row.owner_gid; }},
    {"userNs", [](OfProfile of) { return of.row.user_ns; }},
    {"idMaps", [](OfProfile of) { return of.row.sees_id_maps ? of.strings->Add(of.row.id_maps) : -1; }},
    {"labelError", [](OfProfile of) -> int64_t { return of.row.label_error; }},
    {"label", [](OfProfile of) { return of.strings->Add(of.row.label); }},
    {"blocked", [](OfProfile of) { return of.row.is_node ? of.status.blocked : -1; }},
    {"ignored", [](OfProfile of) { return of.row.is_node ? of.status.ignored : -1; }},
    {"caught", [](OfProfile of) { return of.row.is_node ? of.status.caught : -1; }},
};

template <typename Source, size_t kCount>
std::array<int64_t, kCount> NumbersOf(const Column<const Source&> (&columns)[kCount], const Source& source) {
  std::array<int64_t, kCount> numbers;
  for (size_t at = 0; at < kCount; ++at) numbers[at] = columns[at].number(source);
  return numbers;
}

using Profile = std::array<int64_t, std::size(kProfileColumns)>;

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

struct RowSource {
  const ProcessRow& row;
  Strings* strings;
  Profiles* profiles;
};

using OfRow = const RowSource&;

int64_t PlaceOfProfile(OfRow of) {
  if (of.row.sight != Sight::kSeen) return -1;
  return of.profiles->Add(NumbersOf(kProfileColumns, ProfileSource{of.row, of.row.status, of.strings}));
}

// Columns that differ from process to process.
constexpr Column<OfRow> kRowColumns[] = {
    {"sight", [](OfRow of) { return static_cast<int64_t>(of.row.sight); }},
    {"pid", [](OfRow of) -> int64_t { return of.row.pid; }},
    {"ppid", [](OfRow of) { return of.row.stat.ppid; }},
    {"tgid", [](OfRow of) { return of.row.status.tgid; }},
    {"startTime", [](OfRow of) { return of.row.stat.start_time; }},
    {"comm", [](OfRow of) { return of.strings->Add(of.row.stat.name); }},
    {"threads", [](OfRow of) { return of.row.status.threads; }},
    {"commandLine", [](OfRow of) { return of.row.is_node ? of.strings->Add(of.row.command_line) : -1; }},
    {"profile", PlaceOfProfile},
};

template <typename Source, size_t kCount>
Napi::Array NamesOf(Napi::Env env, const Column<Source> (&columns)[kCount]) {
  Napi::Array names = Napi::Array::New(env, kCount);
  for (uint32_t at = 0; at < kCount; ++at) names[at] = Napi::String::New(env, columns[at].name);
  return names;
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
    numbers.reserve(rows.size() * std::size(kRowColumns));
    for (const ProcessRow& row : rows) {
      if (row.sight == Sight::kGone) continue;
      const RowSource source = {row, &strings_, &profiles_};
      for (const int64_t number : NumbersOf(kRowColumns, source)) numbers.push_back(static_cast<double>(number));
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

Napi::Value ProcessTableColumnsCall(const Napi::CallbackInfo& info) {
  Napi::Object object = Napi::Object::New(info.Env());
  object["row"] = NamesOf(info.Env(), kRowColumns);
  object["profile"] = NamesOf(info.Env(), kProfileColumns);
  return object;
}

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
