#pragma once

#include <napi.h>

#include <mutex>

namespace tracegate {

// Tells JavaScript once that something has ended. Any thread may tell.
//
// Node frees a threadsafe function when its environment ends, also while another thread is inside a call of it (Node:
// src/node_api.cc, ThreadSafeFunction::Cleanup()). AbandonAtEnd() adds a hook that runs before: the hook waits for such a call,
// and no later call reaches the function.
class EndNotice {
 public:
  EndNotice(Napi::Env env, Napi::Function callback, const char* name);

  EndNotice(const EndNotice&) = delete;
  EndNotice& operator=(const EndNotice&) = delete;

  // `how` is the argument of the callback.
  void Tell(int how);

  // The notice will not be used. On the thread of the environment.
  void Drop();

  // On the thread of the environment, as is StopAbandoning(), which comes before the notice is destroyed.
  void AbandonAtEnd(Napi::Env env);
  void StopAbandoning(Napi::Env env);

 private:
  static void Abandon(void* notice);

  std::mutex mutex_;
  Napi::ThreadSafeFunction function_;
  bool is_over_ = false;
};

}  // namespace tracegate
