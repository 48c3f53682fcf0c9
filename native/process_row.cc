#include "process_row.h"

#include <signal.h>

#include <cerrno>

namespace tracegate {
namespace {

Sight SightOfError(pid_t pid, int error) {
  if (error == -EACCES || error == -EPERM) return Sight::kHidden;
  const bool may_be_gone = error == -ENOENT || error == -ESRCH;
  return may_be_gone && kill(pid, 0) != 0 && errno == ESRCH ? Sight::kGone : Sight::kUnsettled;
}

void ReadOwner(const ProcessDirectory& directory, ProcessRow* row) {
  struct stat status;
  if (directory.Stat("environ", &status) < 0) return;
  row->owner_uid = status.st_uid;
  row->owner_gid = status.st_gid;
}

void ReadUserNamespace(const ProcessDirectory& directory, unsigned wanted, FileBuffer* buffer,
                       ProcessRow* row) {
  if (directory.ReadLink("ns/user", buffer) == 0 && ParseUserNamespace(buffer->text(), &row->user_ns)) return;
  row->user_ns = -1;
  if ((wanted & kWantsIdMaps) == 0) return;
  for (const char* name : {"uid_map", "gid_map", "projid_map"}) {
    if (directory.Read(name, buffer) < 0 || !IsIdentityMap(buffer->text())) return;
  }
  row->has_id_maps = true;
}

// fs/proc/base.c, proc_pid_attr_read(): EINVAL where no module gives labels.
void ReadLabel(const ProcessDirectory& directory, NoLabels* no_labels, FileBuffer* buffer, ProcessRow* row) {
  if (no_labels->load(std::memory_order_relaxed)) return;
  row->label_error = directory.Read("attr/current", buffer);
  if (row->label_error == -EINVAL) no_labels->store(true, std::memory_order_relaxed);
  if (row->label_error < 0) return;
  const std::string_view text = buffer->text();
  // Modules end it as they like; npos + 1 is 0.
  row->label = text.substr(0, text.find_last_not_of(std::string_view("\0\n", 2)) + 1);
}

bool MayBeNode(std::string_view command_line) {
  bool has_first;
  return IsNodeCommand(command_line, &has_first) || !has_first;
}

void ReadCommandLine(const ProcessDirectory& directory, FileBuffer* buffer, ProcessRow* row) {
  if (directory.ReadWhile("cmdline", MayBeNode, buffer) < 0) return;
  bool has_first;
  row->is_node = IsNodeCommand(buffer->text(), &has_first);
  if (row->is_node) row->command_line = buffer->text();
}

int ReadStat(const ProcessDirectory& directory, FileBuffer* buffer, ProcessRow* row, bool* is_whole) {
  const int result = directory.Read("stat", buffer);
  *is_whole = result == 0 && ParseStat(buffer->text(), &row->stat);
  return result;
}

// Whether status is still the same, of the same moment as stat.
bool IsSettled(const FileBuffer& before, const FileBuffer& after, const ProcessRow& row) {
  if (row.stat.ppid != row.status.ppid || IsZombie(row.stat.state) != IsZombie(row.status.state)) return false;
  if (before.text() == after.text()) return true;
  ProcessStatus status;
  return ParseStatus(after.text(), &status) && IsSameProcessState(status, row.status);
}

}  // namespace

void ReadProcessRow(int proc, pid_t pid, unsigned wanted, NoLabels* no_labels, RowBuffers* buffers,
                    ProcessRow* row) {
  row->pid = pid;
  const ProcessDirectory directory(proc, pid);
  int error = directory.error();
  UniqueFd status;
  if (error == 0) {
    status = directory.Open("status");
    error = status ? ReadFile(status, &buffers->first) : -errno;
  }
  bool is_whole = error == 0 && ParseStatus(buffers->first.text(), &row->status);
  if (is_whole) {
    ReadOwner(directory, row);
    ReadUserNamespace(directory, wanted, &buffers->second, row);
    if ((wanted & kWantsLabels) != 0) ReadLabel(directory, no_labels, &buffers->second, row);
    if ((wanted & kWantsNodes) != 0) ReadCommandLine(directory, &buffers->second, row);
    error = ReadStat(directory, &buffers->second, row, &is_whole);
    // Last: whatever changed on the way shows in it.
    if (error == 0) error = ReadFile(status, &buffers->second);
  }
  if (error < 0) {
    row->sight = SightOfError(pid, error);
  } else {
    const bool is_settled = is_whole && IsSettled(buffers->first, buffers->second, *row);
    row->sight = is_settled ? Sight::kSeen : Sight::kUnsettled;
  }
}

}  // namespace tracegate
