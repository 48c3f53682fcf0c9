#pragma once

namespace tracegate {

// Forks and lets the parent exit. The child is adopted by init or by the nearest subreaper, and has no relatives. Yama
// asks about ancestry (security/yama/yama_lsm.c, task_is_descendant), so a descendant of the starting process would get
// another answer than a stranger. Returns 0 in the orphan after the adoption, or -errno; never returns in the parent.
int BecomeOrphan();

}  // namespace tracegate
