#pragma once

#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "proc/process_directory.h"
#include "proc/process_files.h"
#include "proc/process_status.h"

namespace tracegate {

// Bits that ask for more than status and stat, on which every row rests.
enum Wanted : unsigned {
  kWantsIdMaps = 1,  // the id maps, if the link ns/user is unreadable
  kWantsLabels = 2,
  kWantsNodes = 4,
};

enum class Sight : int {
  kGone = 0,
  kSeen = 1,
  kHidden = 2,  // /proc lists the process, but refuses its files (hidepid=1)
  // The caller looks at this process separately. The process runs and may have changed, its threads differ, or a file
  // is not as the kernel writes it. Or another process has its pid now.
  kUnsettled = 3,
};

// Returns the Sight for an -errno of a file of /proc/PID.
Sight SightOfError(pid_t pid, int error);

struct ProcessRow {
  Sight sight = Sight::kGone;
  pid_t pid = 0;
  ProcessStatus status;
  ProcessStat stat;
  // The owner of the status file. -1: not seen.
  int64_t owner_uid = -1;
  int64_t owner_gid = -1;
  int64_t user_ns = -1;        // -1: the link is unreadable
  bool sees_id_maps = false;
  std::string id_maps;         // uid_map, gid_map and projid_map, with a NUL between them
  int label_error = -EINVAL;   // 0 or -errno of attr/current; -EINVAL: no module gives labels
  std::string label;
  bool is_node = false;
  std::string command_line;    // only if is_node
};

// True once one process has no label because no module gives labels. The label of any further process is not read.
using NoLabels = std::atomic<bool>;

// Reads one process, each file once. `proc` is a descriptor of /proc.
void ReadProcessRow(int proc, pid_t pid, unsigned wanted, NoLabels* no_labels, FileBuffer* buffer, ProcessRow* row);

}  // namespace tracegate
