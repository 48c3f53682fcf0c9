// tracegate-preload.so: closes the program that loads this library. A constructor does this before main(), but after
// the constructors of the program's own libraries. The only symbol that the library needs is prctl, so it fits any C
// library.

#include <sys/prctl.h>

namespace {

__attribute__((constructor)) void Deny() {
  prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
}

}  // namespace
