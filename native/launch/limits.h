#pragma once

namespace tracegate {

// Sets RLIMIT_CORE to 1, soft and hard. The limit 1 prevents a core file (fs/coredump.c: the limit is below
// binfmt->min_coredump, a page). The limit 1 also stops a pipe in core_pattern, which ignores every other limit, even
// 0. The hard limit matters because another process of the same uid could raise the soft limit again: kernel/sys.c,
// check_prlimit_permission().
void TurnCoreOff();

// PR_SET_PTRACER. The leader of the thread group keeps the declaration over exec.
void DeclareTracer(unsigned long tracer);

}  // namespace tracegate
