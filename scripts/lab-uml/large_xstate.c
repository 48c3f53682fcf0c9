// A preloaded ptrace() for User-Mode Linux on processors with much register state (AMX: 11,008 bytes).
//
// User-Mode Linux before 6.13 keeps 2,696 bytes of extended state for each process (HOST_FP_SIZE, arch/x86/um/
// user-offsets.c). The host's PTRACE_GETREGSET returns that many bytes, but its PTRACE_SETREGSET accepts only the whole
// state: xstateregs_set() in arch/x86/kernel/fpu/regset.c says EFAULT, and the guest's init dies of
// "ptrace set fp regs failed, errno = 14". Here the rest is filled with zeroes, which is its initial state: the
// guest's processes can't have asked for AMX.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(int request, long pid, void *addr, void *data);

static ptrace_function next_ptrace;
static char whole_state[1 << 16];
static size_t whole_size;

__attribute__((constructor)) static void find_next_ptrace(void) {
  next_ptrace = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
}

// ptrace(2) as the C library defines it. User-Mode Linux calls it from one thread only.
long ptrace(enum __ptrace_request request, ...) {
  __builtin_va_list rest;
  __builtin_va_start(rest, request);
  long pid = __builtin_va_arg(rest, int);
  void *addr = __builtin_va_arg(rest, void *);
  void *data = __builtin_va_arg(rest, void *);
  __builtin_va_end(rest);

  int sets_state = request == PTRACE_SETREGSET && (long)addr == NT_X86_XSTATE;
  if (!sets_state || whole_size == 0) {
    long result = next_ptrace((int)request, pid, addr, data);
    if (!sets_state || result == 0 || errno != EFAULT) return result;
    struct iovec whole = {whole_state, sizeof whole_state};
    if (next_ptrace(PTRACE_GETREGSET, pid, addr, &whole) != 0) return -1;
    whole_size = whole.iov_len;
  }

  struct iovec *given = data;
  if (given->iov_len >= whole_size) return next_ptrace((int)request, pid, addr, data);
  memcpy(whole_state, given->iov_base, given->iov_len);
  memset(whole_state + given->iov_len, 0, whole_size - given->iov_len);
  struct iovec whole = {whole_state, whole_size};
  return next_ptrace((int)request, pid, addr, &whole);
}
