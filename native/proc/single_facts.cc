#include "proc/single_facts.h"

#include "proc/process_files.h"
#include "proc/status_line.h"

namespace tracegate {

int64_t ReadStartTime(const ProcessDirectory& directory) {
  FileBuffer buffer;
  ProcessStat stat;
  const bool is_read = directory.Read("stat", &buffer) == 0 && ParseStat(buffer.text(), &stat);
  return is_read ? stat.start_time : -1;
}

int64_t ReadTracer(const ProcessDirectory& directory) {
  FileBuffer buffer;
  return directory.Read("status", &buffer) == 0 ? ParseStatusNumber(buffer.text(), kTracerLine) : -1;
}

}  // namespace tracegate
