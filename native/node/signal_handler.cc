#include "node/signal_handler.h"

#include <dlfcn.h>

namespace tracegate {

RegisterSignalHandler FindRegisterSignalHandler() {
  void* const symbol = dlsym(RTLD_DEFAULT, "_ZN4node21RegisterSignalHandlerEiPFviP9siginfo_tPvEb");
  return reinterpret_cast<RegisterSignalHandler>(symbol);
}

bool IsHandledByNode(const struct sigaction& action, RegisterSignalHandler node) {
  Dl_info handler;
  Dl_info program;
  return node != nullptr && (action.sa_flags & SA_SIGINFO) != 0 &&
         dladdr(reinterpret_cast<void*>(action.sa_sigaction), &handler) != 0 &&
         dladdr(reinterpret_cast<void*>(node), &program) != 0 && handler.dli_fbase == program.dli_fbase;
}

}  // namespace tracegate
