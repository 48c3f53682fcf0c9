#include "addon/end_notice.h"

namespace tracegate {

EndNotice::EndNotice(Napi::Env env, Napi::Function callback, const char* name)
    : function_(Napi::ThreadSafeFunction::New(env, callback, name, 1, 1)) {
  function_.Unref(env);
}

void EndNotice::Tell(int how) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_over_) return;
  function_.NonBlockingCall(
      [how](Napi::Env env, Napi::Function callback) { callback.Call({Napi::Number::New(env, how)}); });
  function_.Release();
  is_over_ = true;
}

void EndNotice::Drop() {
  function_.Release();
}

void EndNotice::AbandonAtEnd(Napi::Env env) {
  napi_add_env_cleanup_hook(env, Abandon, this);
}

void EndNotice::StopAbandoning(Napi::Env env) {
  napi_remove_env_cleanup_hook(env, Abandon, this);
}

void EndNotice::Abandon(void* notice) {
  auto* const self = static_cast<EndNotice*>(notice);
  const std::lock_guard<std::mutex> lock(self->mutex_);
  self->is_over_ = true;
}

}  // namespace tracegate
