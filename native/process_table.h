#pragma once

#include <vector>

#include "process_row.h"

namespace tracegate {

// These processes, as /proc shows them to the calling thread: a row each. The calling thread reads with a few
// others, as many as there are processors and at most four in all, which end before it returns. 0, or -errno of
// /proc itself.
//
// Of the own process the row is of a moment in which it has these threads too.
int ReadProcessTable(const std::vector<pid_t>& pids, unsigned wanted, std::vector<ProcessRow>* rows);

}  // namespace tracegate
