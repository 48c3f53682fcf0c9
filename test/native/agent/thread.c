// How an agent begins: as another thread of the process, so with its thread group, parent and namespaces, and with
// the credentials of the thread that began it.
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/time_types.h>
#include <sys/mman.h>

#include "parts.h"
#include "system.h"

enum { kStackSize = 16384 };

__asm__(
    ".pushsection .agent_entry, \"ax\"\n"
    "  jmp AgentBegin\n"
    "  .balign 8\n"
    "  call AgentBegin\n"
    "  int3\n"
    ".popsection\n");

__attribute__((section(".agent_settings"))) AgentSettings agent_settings = {0, 0, {0}};

long AgentBegin(int64_t token) {
  const long stack = System6(SYS_mmap, 0, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack < 0 && stack > -4096) return stack;
  int64_t* const top = (int64_t*)(stack + kStackSize - 16);
  *top = token;
  // Its descriptors are copies, which it closes, so that a waiting process notices the end of a role. Not traced,
  // whatever the tracer's options are.
  const long flags = CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_UNTRACED;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  long result;
  __asm__ volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov (%%rsp), %%rdi\n"
      "call AgentMain\n"
      "1:\n"
      : "=a"(result)
      : "0"(SYS_clone), "D"(flags), "S"(top), "d"(0), "r"(r10), "r"(r8)
      : "rcx", "r11", "memory");
  return result;
}

// The kernel's own, which the C library's hides.
typedef struct {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
} Action;

enum { kSignal = 64, kWithRestorer = 0x04000000 };

// One at a time: the orchestrator waits for the answer.
static struct {
  long target;
  int64_t token;
  long result;
  uint32_t done;
} order;

static void Obey(int signal) {
  (void)signal;
  order.result = order.target == 0 ? AgentBegin(order.token) : AgentInfect(order.target, order.token, kAttached);
  __atomic_store_n(&order.done, 1, __ATOMIC_RELEASE);
  System4(SYS_futex, (long)&order.done, FUTEX_WAKE, 1, 0);
}

__attribute__((naked)) static void Restore(void) {
  __asm__("mov $15, %eax\nsyscall");  // rt_sigreturn
}

// Memory and signal handlers belong to the process, credentials and tracees to the thread: so control of one thread
// gives those of another.
long AgentHijack(long sibling, long target, int64_t token) {
  order.target = target;
  order.token = token;
  order.done = 0;
  // One by one: an initializer would be copied from data with addresses that nothing relocates.
  Action ours, theirs;
  ours.handler = Obey;
  ours.flags = SA_RESTART | kWithRestorer;
  ours.restorer = Restore;
  ours.mask = ~0UL;
  long result = System4(SYS_rt_sigaction, kSignal, (long)&ours, (long)&theirs, 8);
  if (result != 0) return result;
  result = System3(SYS_tgkill, System0(SYS_getpid), sibling, kSignal);
  const struct __kernel_timespec patience = {5, 0};
  while (result == 0 && __atomic_load_n(&order.done, __ATOMIC_ACQUIRE) == 0) {
    const long waited = System4(SYS_futex, (long)&order.done, FUTEX_WAIT, 0, (long)&patience);
    if (waited == -ETIMEDOUT) return waited;  // with the handler left: it may come yet
  }
  System4(SYS_rt_sigaction, kSignal, (long)&theirs, 0, 8);
  return result == 0 ? order.result : result;
}
