#include "addon/access_events_call.h"

#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "watch/access_event.h"
#include "watch/bpf_source.h"
#include "watch/event_reader.h"
#include "watch/process_connector.h"

namespace tracegate {
namespace {

struct Column {
  const char* name;
  double (*number)(const AccessEvent& event);
};

constexpr Column kColumns[] = {
    {"kind", [](const AccessEvent& of) { return static_cast<double>(of.kind); }},
    {"time", [](const AccessEvent& of) { return of.time; }},
    {"tracerPid", [](const AccessEvent& of) { return static_cast<double>(of.tracer.pid); }},
    {"tracerTid", [](const AccessEvent& of) { return static_cast<double>(of.tracer.tid); }},
    {"tracerStartTime", [](const AccessEvent& of) { return static_cast<double>(of.tracer.start_time); }},
    {"tracerUid", [](const AccessEvent& of) { return static_cast<double>(of.tracer.uid); }},
    {"targetPid", [](const AccessEvent& of) { return static_cast<double>(of.target.pid); }},
    {"targetTid", [](const AccessEvent& of) { return static_cast<double>(of.target.tid); }},
    {"targetStartTime", [](const AccessEvent& of) { return static_cast<double>(of.target.start_time); }},
    {"targetUid", [](const AccessEvent& of) { return static_cast<double>(of.target.uid); }},
    {"mode", [](const AccessEvent& of) { return static_cast<double>(of.mode); }},
    {"way", [](const AccessEvent& of) { return static_cast<double>(of.way); }},
    {"decision", [](const AccessEvent& of) { return static_cast<double>(of.decision); }},
    {"error", [](const AccessEvent& of) { return static_cast<double>(of.error); }},
    {"isDescendant", [](const AccessEvent& of) { return static_cast<double>(of.is_descendant); }},
    {"sharesUserNs", [](const AccessEvent& of) { return static_cast<double>(of.shares_user_ns); }},
    {"tracerCapabilities", [](const AccessEvent& of) { return static_cast<double>(of.tracer_capabilities); }},
    {"lost", [](const AccessEvent& of) { return static_cast<double>(of.lost); }},
};

// Undefined in a worker that is being terminated.
Napi::Value ToValue(Napi::Env env, const std::vector<AccessEvent>& events) {
  auto rows = Napi::Float64Array::New(env, events.size() * std::size(kColumns));
  if (rows.IsEmpty()) return Napi::Value();
  Napi::Array names = Napi::Array::New(env, 2 * events.size());
  double* number = rows.Data();
  uint32_t name = 0;
  for (const AccessEvent& event : events) {
    for (const Column& column : kColumns) *number++ = column.number(event);
    names[name++] = Napi::String::New(env, event.tracer.comm);
    names[name++] = Napi::String::New(env, event.target.comm);
  }
  Napi::Object object = Napi::Object::New(env);
  object["rows"] = rows;
  object["names"] = names;
  return object;
}

// The events of an open source. At the end of the environment Node frees the threadsafe function; the hook runs before, and
// ends the thread.
class Watching {
 public:
  Watching(Napi::Env env, Napi::Function ready)
      : env_(env), ready_(Napi::ThreadSafeFunction::New(env, ready, "tracegate.accessEvents", 0, 1)) {
    napi_add_env_cleanup_hook(env_, Abandon, this);
  }
  ~Watching() {
    if (is_abandoned_) return;
    reader_.reset();
    napi_remove_env_cleanup_hook(env_, Abandon, this);
    ready_.Release();
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  int Start(std::unique_ptr<AccessSource> source) {
    reader_ = std::make_unique<EventReader>(std::move(source), [this] { ready_.NonBlockingCall(); });
    return reader_->Start();
  }

  void Unref() { ready_.Unref(env_); }

  Napi::Value Take(Napi::Env env) {
    std::vector<AccessEvent> events;
    const int error = reader_ == nullptr ? 0 : reader_->Take(&events);
    return error < 0 ? Napi::Number::New(env, error) : ToValue(env, events);
  }

 private:
  static void Abandon(void* watching) {
    auto* const self = static_cast<Watching*>(watching);
    self->reader_.reset();
    self->is_abandoned_ = true;
  }

  const Napi::Env env_;
  Napi::ThreadSafeFunction ready_;
  std::unique_ptr<EventReader> reader_;
  bool is_abandoned_ = false;
};

Napi::Value Watch(Napi::Env env, std::unique_ptr<AccessSource> source, Napi::Function ready) {
  auto watching = std::make_unique<Watching>(env, ready);
  const int error = watching->Start(std::move(source));
  if (error < 0) return Napi::Number::New(env, error);
  const auto held = std::make_shared<std::unique_ptr<Watching>>(std::move(watching));
  Napi::Object object = Napi::Object::New(env);
  object["take"] = Napi::Function::New(env, [held](const Napi::CallbackInfo& call) {
    return *held == nullptr ? ToValue(call.Env(), {}) : (*held)->Take(call.Env());
  });
  object["unref"] = Napi::Function::New(env, [held](const Napi::CallbackInfo&) {
    if (*held != nullptr) (*held)->Unref();
  });
  object["close"] = Napi::Function::New(env, [held](const Napi::CallbackInfo&) { held->reset(); });
  return object;
}

pid_t PidArgument(const Napi::CallbackInfo& info) {
  return info[0].As<Napi::Number>().Int32Value();
}

}  // namespace

Napi::Value BpfEventsCall(const Napi::CallbackInfo& info) {
  std::unique_ptr<AccessSource> source;
  const int error = OpenBpfSource(info[2].As<Napi::Boolean>(), PidArgument(info), &source);
  if (error < 0) return Napi::Number::New(info.Env(), error);
  return Watch(info.Env(), std::move(source), info[1].As<Napi::Function>());
}

Napi::Value ConnectorEventsCall(const Napi::CallbackInfo& info) {
  std::unique_ptr<AccessSource> source;
  const int error = OpenProcessConnector(PidArgument(info), &source);
  if (error < 0) return Napi::Number::New(info.Env(), error);
  return Watch(info.Env(), std::move(source), info[1].As<Napi::Function>());
}

Napi::Value AccessEventColumnsCall(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env(), std::size(kColumns));
  uint32_t at = 0;
  for (const Column& column : kColumns) names[at++] = Napi::String::New(info.Env(), column.name);
  return names;
}

}  // namespace tracegate
