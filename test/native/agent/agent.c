// Code that is injected into another program's process and obeys an orchestrator over a socket. It is an oracle for the
// value of control over one process. It makes no choices itself, and ends when the socket's other end is closed.
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "parts.h"
#include "system.h"

static int ReadWhole(long socket, void* to, unsigned long length) {
  for (unsigned long had = 0; had < length;) {
    const long got = System3(SYS_read, socket, (long)to + (long)had, (long)(length - had));
    if (got <= 0) return 0;
    had += (unsigned long)got;
  }
  return 1;
}

static int WriteWhole(long socket, const void* from, unsigned long length) {
  // Less than a socket's buffer; SIGPIPE is blocked.
  return System3(SYS_write, socket, (long)from, (long)length) == (long)length;
}

static long TransferWord(long number, long pid, uint64_t address, int64_t* word) {
  const struct iovec local = {word, sizeof *word};
  const struct iovec remote = {(void*)address, sizeof *word};
  const long moved = System6(number, pid, (long)&local, 1, (long)&remote, 1, 0);
  return moved == sizeof *word ? 0 : moved < 0 ? moved : -EFAULT;
}

static AgentAnswer Obey(const AgentCommand* command) {
  const int64_t* const given = command->arguments;
  AgentAnswer answer = {-ENOSYS, 0};
  if (command->operation == AGENT_INFECT) {
    answer.result = AgentInfect(given[0], given[1], kNotAttached);
  } else if (command->operation == AGENT_SPLIT) {
    answer.result = AgentBegin(given[0]);
  } else if (command->operation == AGENT_HIJACK) {
    answer.result = AgentHijack(given[0], given[1], given[2]);
  } else if (command->operation == AGENT_READ) {
    answer.result = 0;
    answer.value = *(volatile int64_t*)given[0];
  } else if (command->operation == AGENT_READ_OTHER) {
    answer.result = TransferWord(SYS_process_vm_readv, given[0], (uint64_t)given[1], &answer.value);
  } else if (command->operation == AGENT_WRITE_OTHER) {
    answer.result = TransferWord(SYS_process_vm_readv, given[0], (uint64_t)given[1], &answer.value);
    if (answer.result == 0) {
      answer.result = TransferWord(SYS_process_vm_writev, given[0], (uint64_t)given[1], &answer.value);
    }
  } else if (command->operation == AGENT_RAISE) {
    answer.result = AgentRaise();
  } else if (command->operation == AGENT_TAKE_IDS) {
    answer.result = AgentTakeIds(given[0], given[1]);
  }
  if (answer.result > 0) answer.result = 0;
  return answer;
}

static void Serve(int64_t token) {
  const long socket = System3(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address;
  address.sun_family = AF_UNIX;
  unsigned long length = 0;
  do address.sun_path[length] = agent_settings.socket_path[length];
  while (agent_settings.socket_path[length++] != 0);
  if (System3(SYS_connect, socket, (long)&address, (long)(sizeof(sa_family_t) + length)) != 0) return;
  const AgentHello hello = {token, System0(SYS_getpid), System0(SYS_gettid)};
  if (!WriteWhole(socket, &hello, sizeof hello)) return;
  for (AgentCommand command; ReadWhole(socket, &command, sizeof command) && command.operation != AGENT_END;) {
    const AgentAnswer answer = Obey(&command);
    if (!WriteWhole(socket, &answer, sizeof answer)) return;
  }
}

void AgentMain(int64_t token) {
  const uint64_t all = ~0UL;
  System4(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&all, 0, 8);
  System3(SYS_close_range, 0, (long)~0U, 0);
  Serve(token);
  // The thread alone.
  for (;;) System1(SYS_exit, 0);
}
