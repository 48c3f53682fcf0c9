// Declarations that the agent's files share.
#ifndef TRACEGATE_TEST_AGENT_PARTS_H_
#define TRACEGATE_TEST_AGENT_PARTS_H_

#include <stdint.h>

#include "image.h"

// Addresses relative to the code's own: the image has no relocations.
#pragma GCC visibility push(hidden)

extern uint8_t agent_image[], agent_image_end[];
extern AgentSettings agent_settings;

// thread.c: a thread of this process with the calling thread's credentials, which is an agent. Its tid or -errno.
long AgentBegin(int64_t token);
// thread.c: has another thread of this process infect `target`, or if that is 0 begin an agent.
long AgentHijack(long sibling, long target, int64_t token);
// agent.c: an agent's life.
__attribute__((noreturn)) void AgentMain(int64_t token);

typedef enum { kNotAttached, kAttached } Attachment;
// inject.c: an agent in a thread of another process. kAttached: the calling thread traces it already and goes on to.
long AgentInfect(long tid, int64_t token, Attachment attachment);

// credentials.c
long AgentRaise(void);
long AgentTakeIds(long uid, long gid);

#pragma GCC visibility pop

#endif
