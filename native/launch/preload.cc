// tracegate-preload.so: closes the program that loads it, from a constructor, which runs before main() and
// after those of the program's own libraries. It needs nothing but a C library's prctl, so it fits any.

#include <sys/prctl.h>

namespace {

__attribute__((constructor)) void Deny() {
  prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
}

}  // namespace
