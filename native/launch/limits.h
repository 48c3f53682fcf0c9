#pragma once

namespace tracegate {

// RLIMIT_CORE 1, soft and hard: stops a core file (fs/coredump.c: smaller than binfmt->min_coredump, a page)
// and a pipe in core_pattern, which ignores any other limit, 0 too. The hard limit because another process of
// the same uid could raise the soft one again: kernel/sys.c, check_prlimit_permission().
void TurnCoreOff();

// PR_SET_PTRACER, which the leader of the thread group keeps over exec.
void DeclareTracer(unsigned long tracer);

}  // namespace tracegate
