// System calls of a thread that has no C library: each returns the value or -errno.
#ifndef TRACEGATE_TEST_AGENT_SYSTEM_H_
#define TRACEGATE_TEST_AGENT_SYSTEM_H_

#include <linux/errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long System6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static inline long System4(long number, long a, long b, long c, long d) {
  return System6(number, a, b, c, d, 0, 0);
}
static inline long System3(long number, long a, long b, long c) {
  return System6(number, a, b, c, 0, 0, 0);
}
static inline long System1(long number, long a) {
  return System6(number, a, 0, 0, 0, 0, 0);
}
static inline long System0(long number) {
  return System6(number, 0, 0, 0, 0, 0, 0);
}

#endif
