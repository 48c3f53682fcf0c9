// The table of exports. Numbers in; a number out, which is a value or -errno. The meaning is lib/kernel's.

#include <fcntl.h>
#include <napi.h>

#include <cmath>
#include <memory>
#include <optional>

#include "addon/access_events_call.h"
#include "addon/end_notice.h"
#include "addon/orphaned_helpers.h"
#include "addon/probed_process_call.h"
#include "addon/process_table_call.h"
#include "debugger/crash_handler.h"
#include "debugger/grant.h"
#include "launch/confine.h"
#include "launch/exec.h"
#include "probe/access_probe.h"
#include "probe/attach_probe.h"
#include "probe/landlock_domains.h"
#include "probe/perf_admission.h"
#include "probe/security_modules.h"
#include "proc/user_namespace.h"
#include "syscall/core_limit.h"
#include "syscall/disposition.h"
#include "syscall/extended_attributes.h"
#include "syscall/file_capability.h"
#include "syscall/file_lock.h"
#include "syscall/peer_credentials.h"
#include "syscall/pidfd_info.h"
#include "syscall/prctl.h"

namespace tracegate {
namespace {

using Napi::CallbackInfo;

int32_t IntArgument(const CallbackInfo& info) {
  return info[0].As<Napi::Number>().Int32Value();
}

Napi::Value Number(const CallbackInfo& info, int value) {
  return Napi::Number::New(info.Env(), value);
}

Napi::Value SetPtracerCall(const CallbackInfo& info) {
  // -1 is PR_SET_PTRACER_ANY: all bits set also as an unsigned long.
  return Number(info, SetPtracer(static_cast<unsigned long>(IntArgument(info))));
}

Napi::Value GetDumpableCall(const CallbackInfo& info) {
  return Number(info, GetDumpable());
}

Napi::Value DumpableOfCall(const CallbackInfo& info) {
  return Number(info, DumpableOf(IntArgument(info)));
}

Napi::Value GetSecurebitsCall(const CallbackInfo& info) {
  return Number(info, GetSecurebits());
}

Napi::Value SetDumpableCall(const CallbackInfo& info) {
  return Number(info, SetDumpable(static_cast<unsigned long>(IntArgument(info))));
}

Napi::Value ProbeAccessCall(const CallbackInfo& info) {
  return Number(info, Pack(ProbeAttach(IntArgument(info))));
}

Napi::Value ProbeCallCall(const CallbackInfo& info) {
  const auto call = static_cast<Call>(info[1].As<Napi::Number>().Int32Value());
  return Number(info, Pack(ProbeCall(IntArgument(info), call)));
}

Napi::Value PerfAdmitsCall(const CallbackInfo& info) {
  return Number(info, PerfAdmits(IntArgument(info)));
}

constexpr std::chrono::milliseconds kSeizeLimit(1000);

Napi::Value ProbeSeizeCall(const CallbackInfo& info) {
  return Number(info, Pack(ProbeSeize(IntArgument(info), kSeizeLimit)));
}

class SeizeWorker : public Napi::AsyncWorker {
 public:
  SeizeWorker(Napi::Env env, pid_t pid, napi_deferred deferred)
      : Napi::AsyncWorker(env, "tracegate.probeSeize"), deferred_(deferred), pid_(pid), answer_{0, AnsweringCall::kNone} {}

 protected:
  void Execute() override { answer_ = ProbeSeize(pid_, kSeizeLimit); }
  // The call fails in a worker that has been terminated meanwhile, in which no code waits for the answer.
  void OnOK() override { napi_resolve_deferred(Env(), deferred_, Napi::Number::New(Env(), Pack(answer_))); }

 private:
  const napi_deferred deferred_;
  const pid_t pid_;
  Answer answer_;
};

// Only for a target that is not a child of this process: see probe/attach_probe.h.
Napi::Value ProbeSeizeAsyncCall(const CallbackInfo& info) {
  // In a worker that is being terminated no promise can be made. Napi::Promise::Deferred would then return whatever its
  // memory holds.
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(info.Env(), &deferred, &promise) != napi_ok) return Napi::Value();
  (new SeizeWorker(info.Env(), IntArgument(info), deferred))->Queue();
  return Napi::Value(info.Env(), promise);
}

Napi::Value ParentOfCall(const CallbackInfo& info) {
  return Number(info, static_cast<int>(ParentOf(IntArgument(info))));
}

Napi::Value ReapOrphanCall(const CallbackInfo& info) {
  return Number(info, ReapOrphan(IntArgument(info)));
}

// Returns the id and the owner of each namespace, from the process' own upwards; or -errno.
Napi::Value UserNamespacesCall(const CallbackInfo& info) {
  std::vector<UserNamespace> chain;
  const int result = ReadUserNamespaces(IntArgument(info), &chain);
  if (result < 0) return Number(info, result);
  Napi::Array numbers = Napi::Array::New(info.Env());
  for (const auto& [id, owner] : chain) {
    numbers[numbers.Length()] = Napi::Number::New(info.Env(), static_cast<double>(id));
    numbers[numbers.Length()] = Napi::Number::New(info.Env(), owner);
  }
  return numbers;
}

// Returns the id, or -errno.
Napi::Value MountNamespaceOwnerCall(const CallbackInfo& info) {
  ino_t id;
  const int result = ReadMountNamespaceOwner(&id);
  return result < 0 ? Number(info, result) : Napi::Number::New(info.Env(), static_cast<double>(id));
}

// Returns the ids, or -errno.
Napi::Value SecurityModulesCall(const CallbackInfo& info) {
  std::vector<uint64_t> ids;
  const int result = ListSecurityModules(&ids);
  if (result < 0) return Number(info, result);
  Napi::Array numbers = Napi::Array::New(info.Env());
  for (const uint64_t id : ids) {
    numbers[numbers.Length()] = Napi::Number::New(info.Env(), static_cast<double>(id));
  }
  return numbers;
}

Napi::Value LandlockRunsCall(const CallbackInfo& info) {
  return Number(info, LandlockRuns());
}

// Returns the number, or -errno.
Napi::Value LandlockDomainsCall(const CallbackInfo& info) {
  return Number(info, CountLandlockDomains());
}

// Returns the soft and the hard limit, or -errno. RLIM_INFINITY is Infinity in JavaScript.
Napi::Value CoreLimitCall(const CallbackInfo& info) {
  rlimit limit;
  const int result = GetCoreLimit(&limit);
  if (result < 0) return Number(info, result);
  const auto number = [&](rlim_t value) {
    return Napi::Number::New(info.Env(), value == RLIM_INFINITY ? HUGE_VAL : static_cast<double>(value));
  };
  Napi::Array limits = Napi::Array::New(info.Env(), 2);
  limits[0u] = number(limit.rlim_cur);
  limits[1u] = number(limit.rlim_max);
  return limits;
}

rlim_t LimitArgument(const CallbackInfo& info, size_t at) {
  const double value = info[at].As<Napi::Number>().DoubleValue();
  return value == HUGE_VAL ? RLIM_INFINITY : static_cast<rlim_t>(value);
}

Napi::Value SetCoreLimitCall(const CallbackInfo& info) {
  return Number(info, SetCoreLimit({LimitArgument(info, 0), LimitArgument(info, 1)}));
}

Napi::Value SmallestCoreLimitCall(const CallbackInfo& info) {
  return Number(info, SmallestCoreLimit());
}

Napi::Value LockExclusivelyCall(const CallbackInfo& info) {
  return Number(info, LockExclusively(IntArgument(info)));
}

Napi::Value CopyExtendedAttributesCall(const CallbackInfo& info) {
  return Number(info, CopyExtendedAttributes(IntArgument(info), info[1].As<Napi::Number>().Int32Value()));
}

Napi::Value HasDefaultAclCall(const CallbackInfo& info) {
  return Number(info, HasDefaultAcl(IntArgument(info)));
}

Napi::Value DispositionOfCall(const CallbackInfo& info) {
  return Number(info, DispositionOf(IntArgument(info)));
}

Napi::Value SetDispositionCall(const CallbackInfo& info) {
  const int disposition = info[1].As<Napi::Number>().Int32Value();
  return Number(info, SetDisposition(IntArgument(info), static_cast<Disposition>(disposition)));
}

// The instance data of an environment, which is the main thread's or a worker's. The destructor runs at the end of the
// environment.
struct Environment {
  ~Environment() {
    StopHandlingCrashes(this);
    CloseGrant(this);
    EndOrphanedHelpers();
  }

  // Of the latest grant.
  std::shared_ptr<EndNotice> grant_end;
};

// Arguments: the debugger, its start time, whether to declare it, milliseconds, and the function that gets the
// GrantEnd.
Napi::Value OpenGrantCall(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* const environment = env.GetInstanceData<Environment>();
  const auto notice = std::make_shared<EndNotice>(env, info[4].As<Napi::Function>(), "tracegate.debuggerGrant");
  GrantRequest request;
  request.debugger = IntArgument(info);
  request.start_time = info[1].As<Napi::Number>().Int64Value();
  request.declares = info[2].As<Napi::Boolean>();
  request.ttl_ms = info[3].As<Napi::Number>().Int32Value();
  request.owner = environment;
  const int result = OpenGrant(request, [notice](GrantEnd end) { notice->Tell(static_cast<int>(end)); });
  if (result < 0) {
    notice->Drop();
    return Number(info, result);
  }
  if (environment->grant_end != nullptr) environment->grant_end->StopAbandoning(env);
  notice->AbandonAtEnd(env);
  environment->grant_end = notice;
  return Number(info, result);
}

Napi::Value CloseGrantCall(const CallbackInfo& info) {
  const std::optional<GrantEnd> end = CloseGrant(info.Env().GetInstanceData<Environment>());
  return end ? Number(info, static_cast<int>(*end)) : info.Env().Null();
}

// Arguments: the held debugger, the descriptor of the socket on which it waits, whether to declare it, and
// milliseconds.
Napi::Value HandleCrashesCall(const CallbackInfo& info) {
  CrashHandling handling;
  handling.debugger = IntArgument(info);
  handling.order = UniqueFd(fcntl(info[1].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
  if (!handling.order) return Number(info, -errno);
  handling.declares = info[2].As<Napi::Boolean>();
  handling.timeout_ms = info[3].As<Napi::Number>().Int32Value();
  handling.owner = info.Env().GetInstanceData<Environment>();
  return Number(info, HandleCrashes(std::move(handling)));
}

Napi::Value StopHandlingCrashesCall(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), StopHandlingCrashes(info.Env().GetInstanceData<Environment>()));
}

// Returns the pid, uid and gid; or -errno.
Napi::Value PeerCredentialsCall(const CallbackInfo& info) {
  ucred peer;
  const int result = ReadPeerCredentials(IntArgument(info), &peer);
  if (result < 0) return Number(info, result);
  Napi::Array numbers = Napi::Array::New(info.Env(), 3);
  numbers[0u] = Napi::Number::New(info.Env(), peer.pid);
  numbers[1u] = Napi::Number::New(info.Env(), peer.uid);
  numbers[2u] = Napi::Number::New(info.Env(), peer.gid);
  return numbers;
}

Napi::Value PeerHasEndedCall(const CallbackInfo& info) {
  return Number(info, PeerHasEnded(IntArgument(info)));
}

// The words of the attribute, or -errno.
Napi::Value ToValue(const CallbackInfo& info, int error, const CapabilityWords& words) {
  if (error < 0) return Number(info, error);
  Napi::Array numbers = Napi::Array::New(info.Env());
  for (const uint32_t word : words) numbers[numbers.Length()] = Napi::Number::New(info.Env(), word);
  return numbers;
}

// Returns the words of the attribute, or none without such an attribute; or -errno.
Napi::Value FileCapabilitiesCall(const CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  CapabilityWords words;
  const int result = ReadFileCapabilities(path.c_str(), &words);
  return ToValue(info, result, words);
}

// Argument: the directories. Returns a path, then its words or -errno, for each file that FindCapabilityFiles() finds.
Napi::Value FindFileCapabilitiesCall(const CallbackInfo& info) {
  const auto given = info[0].As<Napi::Array>();
  std::vector<std::string> directories;
  for (uint32_t i = 0; i < given.Length(); ++i) directories.push_back(given.Get(i).As<Napi::String>());
  Napi::Array found = Napi::Array::New(info.Env());
  for (const auto& [path, words, error] : FindCapabilityFiles(std::move(directories))) {
    found[found.Length()] = Napi::String::New(info.Env(), path);
    found[found.Length()] = ToValue(info, error, words);
  }
  return found;
}

// Arguments: the program, its options, and the number of last words to take from this process' own command line.
Napi::Value ExecCall(const CallbackInfo& info) {
  const auto words = info[1].As<Napi::Array>();
  std::vector<std::string> options;
  for (uint32_t i = 0; i < words.Length(); ++i) options.push_back(words.Get(i).As<Napi::String>());
  return Number(info, Exec(info[0].As<Napi::String>(), options, info[2].As<Napi::Number>().Uint32Value()));
}

Napi::Value ConfineAllThreadsCall(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), ConfineAllThreads());
}

template <Napi::Value (*Call)(const CallbackInfo&)>
void Export(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<Call>(env, name));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment);
  Export<SetPtracerCall>(env, exports, "setPtracer");
  Export<GetDumpableCall>(env, exports, "getDumpable");
  Export<DumpableOfCall>(env, exports, "dumpableOf");
  Export<GetSecurebitsCall>(env, exports, "getSecurebits");
  Export<SetDumpableCall>(env, exports, "setDumpable");
  Export<ProbeAccessCall>(env, exports, "probeAccess");
  Export<ProbeCallCall>(env, exports, "probeCall");
  Export<PerfAdmitsCall>(env, exports, "perfAdmits");
  Export<ProbeSeizeCall>(env, exports, "probeSeize");
  Export<ProbeSeizeAsyncCall>(env, exports, "probeSeizeAsync");
  Export<ParentOfCall>(env, exports, "parentOf");
  Export<ReapOrphanCall>(env, exports, "reapOrphan");
  Export<LookAndAskCall>(env, exports, "lookAndAsk");
  Export<PeerCredentialsCall>(env, exports, "peerCredentials");
  Export<PeerHasEndedCall>(env, exports, "peerHasEnded");
  Export<FileCapabilitiesCall>(env, exports, "fileCapabilities");
  Export<FindFileCapabilitiesCall>(env, exports, "findFileCapabilities");
  Export<ConfineAllThreadsCall>(env, exports, "confineAllThreads");
  Export<ExecCall>(env, exports, "exec");
  Export<UserNamespacesCall>(env, exports, "userNamespaces");
  Export<MountNamespaceOwnerCall>(env, exports, "mountNamespaceOwner");
  Export<SecurityModulesCall>(env, exports, "securityModules");
  Export<LandlockRunsCall>(env, exports, "landlockRuns");
  Export<LandlockDomainsCall>(env, exports, "landlockDomains");
  Export<ProcessTableCall>(env, exports, "processTable");
  Export<ProcessTableColumnsCall>(env, exports, "processTableColumns");
  Export<BpfEventsCall>(env, exports, "bpfEvents");
  Export<ConnectorEventsCall>(env, exports, "connectorEvents");
  Export<AccessEventColumnsCall>(env, exports, "accessEventColumns");
  Export<CoreLimitCall>(env, exports, "coreLimit");
  Export<SetCoreLimitCall>(env, exports, "setCoreLimit");
  Export<SmallestCoreLimitCall>(env, exports, "smallestCoreLimit");
  Export<OpenGrantCall>(env, exports, "openGrant");
  Export<CloseGrantCall>(env, exports, "closeGrant");
  Export<HandleCrashesCall>(env, exports, "handleCrashes");
  Export<StopHandlingCrashesCall>(env, exports, "stopHandlingCrashes");
  Export<LockExclusivelyCall>(env, exports, "lockExclusively");
  Export<CopyExtendedAttributesCall>(env, exports, "copyExtendedAttributes");
  Export<HasDefaultAclCall>(env, exports, "hasDefaultAcl");
  Export<DispositionOfCall>(env, exports, "dispositionOf");
  Export<SetDispositionCall>(env, exports, "setDisposition");
  return exports;
}

}  // namespace
}  // namespace tracegate

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return tracegate::Init(env, exports);
}

NODE_API_MODULE(tracegate, Init)
