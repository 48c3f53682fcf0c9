#pragma once

#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "proc/process_directory.h"
#include "proc/process_files.h"
#include "proc/process_status.h"

namespace tracegate {

// What is asked beside the two files that every row rests on. Bits.
enum Wanted : unsigned {
  kWantsIdMaps = 1,  // where ns/user may not be read
  kWantsLabels = 2,
  kWantsNodes = 4,
};

enum class Sight : int {
  kGone = 0,
  kSeen = 1,
  kHidden = 2,  // /proc lists it, and shows no more (hidepid=1)
  // It runs and may have changed, or another process has its pid now, or a file is not as the kernel writes it, or its
  // threads are not alike: to be looked at by itself.
  kUnsettled = 3,
};

// By the -errno that a file of /proc/PID gave.
Sight SightOfError(pid_t pid, int error);

struct ProcessRow {
  Sight sight = Sight::kGone;
  pid_t pid = 0;
  ProcessStatus status;
  ProcessStat stat;
  // Of its files; -1: not seen.
  int64_t owner_uid = -1;
  int64_t owner_gid = -1;
  int64_t user_ns = -1;        // -1: the link may not be read
  bool sees_id_maps = false;
  std::string id_maps;         // uid_map, gid_map and projid_map, with a NUL between them
  int label_error = -EINVAL;   // of attr/current; -EINVAL: no module labels
  std::string label;
  bool is_node = false;
  std::string command_line;    // of a Node
};

// Once one process has no label because no module gives any, none has.
using NoLabels = std::atomic<bool>;

// One process of /proc, which `proc` has open, with each file read once.
void ReadProcessRow(int proc, pid_t pid, unsigned wanted, NoLabels* no_labels, FileBuffer* buffer, ProcessRow* row);

}  // namespace tracegate
