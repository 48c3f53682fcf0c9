#include "syscall/prctl.h"

#include <sys/prctl.h>

#include "syscall/result.h"

namespace tracegate {

// prctl is variadic and the kernel reads five longs: a bare 0 would leave the upper halves undefined.
int SetPtracer(unsigned long tracer) {
  return ToResult(prctl(PR_SET_PTRACER, tracer, 0UL, 0UL, 0UL));
}

int GetDumpable() {
  return ToResult(prctl(PR_GET_DUMPABLE, 0UL, 0UL, 0UL, 0UL));
}

int SetDumpable(unsigned long dumpable) {
  return ToResult(prctl(PR_SET_DUMPABLE, dumpable, 0UL, 0UL, 0UL));
}

int GetSecurebits() {
  return ToResult(prctl(PR_GET_SECUREBITS, 0UL, 0UL, 0UL, 0UL));
}

}  // namespace tracegate
