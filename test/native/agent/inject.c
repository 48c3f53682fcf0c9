// Injects the agent into a thread of another process by ptrace: stops the thread, has it map memory, copies this image
// there, has it begin an agent, and continues it unchanged.
#include <linux/ptrace.h>
#include <linux/wait.h>
#include <sys/mman.h>
#include <sys/user.h>

#include "parts.h"
#include "system.h"

typedef struct user_regs_struct Registers;

enum { kTrap = 5, kRoom = 32768 };

static long Ptrace(long request, long tid, const void* address, const void* data) {
  return System4(SYS_ptrace, request, tid, (long)address, (long)data);
}

// The stop that is waited for: a trap, of PTRACE_INTERRUPT or of int3. Any other signal is passed on.
static long AwaitTrap(long tid) {
  for (;;) {
    int status;
    const long waited = System4(SYS_wait4, tid, (long)&status, __WALL, 0);
    if (waited == -EINTR) continue;
    if (waited < 0) return waited;
    if ((status & 0xff) != 0x7f) return -ESRCH;
    const long signal = (status >> 8) & 0xff;
    if (signal == kTrap) return 0;
    const long continued = Ptrace(PTRACE_CONT, tid, 0, (void*)signal);
    if (continued < 0) return continued;
  }
}

static long Peek(long tid, uint64_t address, uint64_t* word) {
  return Ptrace(PTRACE_PEEKDATA, tid, (void*)address, word);
}

static long Poke(long tid, uint64_t address, uint64_t word) {
  return Ptrace(PTRACE_POKEDATA, tid, (void*)address, (void*)word);
}

// Runs until the int3 at the end of the code.
static long Execute(long tid, Registers* registers) {
  // No system call that the kernel would begin again.
  registers->orig_rax = ~0UL;
  long result = Ptrace(PTRACE_SETREGS, tid, 0, registers);
  if (result == 0) result = Ptrace(PTRACE_CONT, tid, 0, 0);
  if (result == 0) result = AwaitTrap(tid);
  if (result == 0) result = Ptrace(PTRACE_GETREGS, tid, 0, registers);
  return result < 0 ? result : (long)registers->rax;
}

static int IsError(long result) {
  return result < 0 && result > -4096;
}

static long MakeRoom(long tid, Registers registers) {
  const uint64_t landing = agent_settings.landing;
  uint64_t before;
  long result = Peek(tid, landing, &before);
  if (result < 0) return result;
  result = Poke(tid, landing, (before & ~0xffffffUL) | 0xcc050f);  // syscall; int3
  if (result < 0) return result;
  registers.rip = landing;
  registers.rax = SYS_mmap;
  registers.rdi = 0;
  registers.rsi = kRoom;
  registers.rdx = PROT_READ | PROT_WRITE | PROT_EXEC;
  registers.r10 = MAP_PRIVATE | MAP_ANONYMOUS;
  registers.r8 = ~0UL;
  registers.r9 = 0;
  result = Execute(tid, &registers);
  const long restored = Poke(tid, landing, before);
  return IsError(restored) ? restored : result;
}

static long Begin(long tid, Registers registers, int64_t token) {
  const long room = MakeRoom(tid, registers);
  if (IsError(room)) return room;
  const uint64_t* const words = (const uint64_t*)agent_image;
  for (long at = 0; at < (agent_image_end - agent_image) / 8; ++at) {
    const long result = Poke(tid, (uint64_t)room + 8 * (uint64_t)at, words[at]);
    if (result < 0) return result;
  }
  registers.rip = (uint64_t)room + AGENT_BEGIN_AND_TRAP;
  registers.rsp = (uint64_t)room + kRoom - 16;
  registers.rdi = (uint64_t)token;
  const long result = Execute(tid, &registers);
  return IsError(result) ? result : 0;
}

static long BeginIfMarked(long tid, const Registers* registers, int64_t token) {
  uint64_t words[2];
  long result = Peek(tid, agent_settings.marker, &words[0]);
  if (result == 0) result = Peek(tid, agent_settings.marker + 8, &words[1]);
  // Not a process of the tests: it isn't touched.
  if (result < 0 || words[0] != AGENT_MARKER_1 || words[1] != AGENT_MARKER_2) return -EXDEV;
  return Begin(tid, *registers, token);
}

long AgentInfect(long tid, int64_t token, Attachment attachment) {
  long result = attachment == kAttached ? 0 : Ptrace(PTRACE_SEIZE, tid, 0, 0);
  if (result < 0) return result;
  result = Ptrace(PTRACE_INTERRUPT, tid, 0, 0);
  if (result == 0) result = AwaitTrap(tid);
  if (result < 0) return result;
  Registers registers;
  result = Ptrace(PTRACE_GETREGS, tid, 0, &registers);
  if (result == 0) {
    result = BeginIfMarked(tid, &registers, token);
    // With the system call's number, so that the kernel begins it again.
    Ptrace(PTRACE_SETREGS, tid, 0, &registers);
  }
  const long left = Ptrace(attachment == kAttached ? PTRACE_CONT : PTRACE_DETACH, tid, 0, 0);
  return result < 0 ? result : left;
}
