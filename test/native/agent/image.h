// The agent as bytes: its header, for the program that starts one (test/native/agent_host.cc) and for the agent itself,
// which copies the whole of it into the next process.
#ifndef TRACEGATE_TEST_AGENT_IMAGE_H_
#define TRACEGATE_TEST_AGENT_IMAGE_H_

#include <stdint.h>

// Offsets of the two ways in, with a token in rdi that the agent says to its orchestrator: as a function, which
// returns the tid of a new thread or -errno; and to be jumped to by a hijacked thread, which stops after that.
#define AGENT_BEGIN 0
#define AGENT_BEGIN_AND_TRAP 8
#define AGENT_SETTINGS 32

// A process of the tests has these two words at Settings.marker. The agent enters no other process.
#define AGENT_MARKER_1 0x7c3e9a51d4f08b26UL
#define AGENT_MARKER_2 0x19b2e6c07fa5348dUL

// All addresses are the same in every process of the actor, which isn't position-independent.
typedef struct {
  uint64_t marker;
  uint64_t landing;  // code that is no longer executed, and that may be overwritten for a moment
  char socket_path[64];
} AgentSettings;

// A message of the orchestrator: an operation and its arguments. Each is answered by two numbers: 0 or -errno, and
// a value. The first message is the agent's: token, pid, tid.
enum {
  AGENT_END,
  AGENT_INFECT,       // tid, token
  AGENT_SPLIT,        // token: another agent in this process, with this one's credentials
  AGENT_HIJACK,       // sibling, target, token: another thread of this process does it: 0 has it split
  AGENT_READ,         // address: of its own memory
  AGENT_READ_OTHER,   // pid, address: process_vm_readv
  AGENT_WRITE_OTHER,  // pid, address: process_vm_writev of the present bytes
  AGENT_RAISE,        // effective capabilities: the permitted ones
  AGENT_TAKE_IDS,     // uid, gid: all of its ids; the permitted capabilities stay
};

typedef struct {
  int64_t operation;
  int64_t arguments[3];
} AgentCommand;

typedef struct {
  int64_t result, value;
} AgentAnswer;

typedef struct {
  int64_t token, pid, tid;
} AgentHello;

#endif
