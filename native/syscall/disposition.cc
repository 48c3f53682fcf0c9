#include "syscall/disposition.h"

#include <signal.h>

#include "syscall/result.h"

namespace tracegate {

int DispositionOf(int signal) {
  struct sigaction action = {};
  if (sigaction(signal, nullptr, &action) != 0) return -errno;
  if ((action.sa_flags & SA_SIGINFO) != 0) return static_cast<int>(Disposition::kHandled);
  if (action.sa_handler == SIG_DFL) return static_cast<int>(Disposition::kDefault);
  return static_cast<int>(action.sa_handler == SIG_IGN ? Disposition::kIgnored : Disposition::kHandled);
}

int SetDisposition(int signal, Disposition disposition) {
  struct sigaction action = {};
  action.sa_handler = disposition == Disposition::kIgnored ? SIG_IGN : SIG_DFL;
  return ToResult(sigaction(signal, &action, nullptr));
}

}  // namespace tracegate
