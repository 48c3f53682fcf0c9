#pragma once

#include <cstddef>
#include <vector>

#include "syscall/unique_fd.h"

namespace tracegate {

// A light skeleton of bpftool's: `loader` is a BPF program that creates the maps and loads the programs, and `data` is what the
// loader works on (Linux: tools/lib/bpf/skel_internal.h).
struct BpfSkeleton {
  const unsigned char* data;
  size_t data_size;
  const unsigned char* loader;
  size_t loader_size;
  size_t maps;
  size_t programs;
};

struct BpfObject {
  std::vector<UniqueFd> maps;
  std::vector<UniqueFd> programs;
};

// Returns 0 or -errno. The kernel removes maps and programs with their last descriptor.
int LoadBpf(const BpfSkeleton& skeleton, BpfObject* object);

// Attaches a program of type fentry or fexit. The result is the link, which ends with its descriptor; or -errno.
int AttachBpf(const UniqueFd& program, UniqueFd* link);

}  // namespace tracegate
