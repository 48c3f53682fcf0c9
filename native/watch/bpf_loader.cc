#include "watch/bpf_loader.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace tracegate {
namespace {

// Parts of union bpf_attr, and numbers of include/uapi/linux/bpf.h: older headers lack some.
enum Command : int { kMapCreate = 0, kMapUpdate = 2, kProgramLoad = 5, kProgramRun = 10, kRawTracepointOpen = 17 };
constexpr uint32_t kArrayMap = 2;
constexpr uint32_t kSyscallProgram = 31;
constexpr uint32_t kSleepable = 1 << 4;

struct MapCreate {
  uint32_t type;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t flags;
};

struct MapUpdate {
  uint32_t map;
  uint32_t unused;
  uint64_t key;
  uint64_t value;
  uint64_t flags;
};

struct ProgramLoad {
  uint32_t type;
  uint32_t instruction_count;
  uint64_t instructions;
  uint64_t license;
  uint32_t log_level;
  uint32_t log_size;
  uint64_t log;
  uint32_t kernel_version;
  uint32_t flags;
  char name[16];
  uint32_t unused[4];
  uint64_t func_info;
  uint32_t more_unused[2];
  uint64_t line_info;
  uint32_t yet_more_unused[4];
  uint64_t fd_array;
};
static_assert(offsetof(ProgramLoad, fd_array) == 120, "union bpf_attr");

struct ProgramRun {
  uint32_t program;
  uint32_t returned;
  uint32_t data_sizes[2];
  uint64_t data[2];
  uint32_t repeat;
  uint32_t duration;
  uint32_t context_size_in;
  uint32_t context_size_out;
  uint64_t context_in;
  uint64_t context_out;
  uint32_t flags;
  uint32_t cpu;
  uint64_t batch_size;
};
static_assert(offsetof(ProgramRun, context_in) == 48, "union bpf_attr");

struct RawTracepointOpen {
  uint64_t name;
  uint32_t program;
  uint32_t unused;
};

uint64_t Address(const void* at) {
  return reinterpret_cast<uintptr_t>(at);
}

// The result is a descriptor or 0; or -errno.
template <typename Attributes>
int Bpf(Command command, Attributes* attributes) {
  const long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);
  return result < 0 ? -errno : static_cast<int>(result);
}

// The context of the loader.
constexpr size_t kContextHead = 24;  // struct bpf_loader_ctx, whose first number is the size of all
constexpr size_t kMapPlace = 16;     // struct bpf_map_desc, which begins with the descriptor
constexpr size_t kProgramPlace = 4;  // struct bpf_prog_desc: the descriptor

UniqueFd DescriptorAt(const std::vector<unsigned char>& context, size_t offset) {
  int fd;
  memcpy(&fd, context.data() + offset, sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

int LoadBpf(const BpfSkeleton& skeleton, BpfObject* object) {
  MapCreate create = {kArrayMap, sizeof(uint32_t), static_cast<uint32_t>(skeleton.data_size), 1, 0};
  int result = Bpf(kMapCreate, &create);
  if (result < 0) return result;
  const UniqueFd data(result);
  const uint32_t key = 0;
  MapUpdate update = {static_cast<uint32_t>(data.get()), 0, Address(&key), Address(skeleton.data), 0};
  result = Bpf(kMapUpdate, &update);
  if (result < 0) return result;

  constexpr size_t kInstruction = 8;
  const int data_fd = data.get();
  ProgramLoad load = {};
  load.type = kSyscallProgram;
  load.instruction_count = static_cast<uint32_t>(skeleton.loader_size / kInstruction);
  load.instructions = Address(skeleton.loader);
  load.license = Address("Dual MIT/GPL");
  load.flags = kSleepable;
  load.fd_array = Address(&data_fd);
  result = Bpf(kProgramLoad, &load);
  if (result < 0) return result;
  const UniqueFd loader(result);

  const size_t maps_end = kContextHead + kMapPlace * skeleton.maps;
  std::vector<unsigned char> context(maps_end + kProgramPlace * skeleton.programs);
  const auto size = static_cast<uint32_t>(context.size());
  memcpy(context.data(), &size, sizeof size);
  ProgramRun run = {};
  run.program = static_cast<uint32_t>(loader.get());
  run.context_in = Address(context.data());
  run.context_size_in = size;
  result = Bpf(kProgramRun, &run);
  if (result < 0) return result;
  if (static_cast<int>(run.returned) < 0) return static_cast<int>(run.returned);

  for (size_t at = kContextHead; at < maps_end; at += kMapPlace) object->maps.push_back(DescriptorAt(context, at));
  for (size_t at = maps_end; at < context.size(); at += kProgramPlace) {
    object->programs.push_back(DescriptorAt(context, at));
  }
  return 0;
}

int AttachBpf(const UniqueFd& program, UniqueFd* link) {
  // The program names the function: no tracepoint's name.
  RawTracepointOpen open = {0, static_cast<uint32_t>(program.get()), 0};
  const int result = Bpf(kRawTracepointOpen, &open);
  if (result < 0) return result;
  *link = UniqueFd(result);
  return 0;
}

}  // namespace tracegate
