#pragma once

namespace tracegate {

// Forks and lets the parent exit: this process goes on as nobody's relative, adopted by init or by the
// nearest subreaper. Yama asks about ancestry (security/yama/yama_lsm.c, task_is_descendant), so a descendant
// of whoever started it would get another answer than a stranger. Returns 0 in the orphan once it has been
// adopted, or -errno; never returns in the parent.
int BecomeOrphan();

}  // namespace tracegate
