#include "launch/elf.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "syscall/result.h"

namespace tracegate {
namespace {

constexpr size_t kLongestTable = 1 << 20;

// Returns the whole table, or an empty one.
template <typename T>
std::vector<T> ReadTable(int fd, uint64_t offset, size_t count) {
  if (count > kLongestTable / sizeof(T)) return {};
  std::vector<T> table(count);
  const size_t size = count * sizeof(T);
  const ssize_t got = RetryEintr([&] { return pread(fd, table.data(), size, static_cast<off_t>(offset)); });
  return got == static_cast<ssize_t>(size) ? table : std::vector<T>();
}

bool IsNative(const ElfW(Ehdr) & header) {
  constexpr unsigned char kClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  constexpr unsigned char kData = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
#if defined(__x86_64__)
  constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
  constexpr unsigned kMachine = EM_AARCH64;
#elif defined(__arm__)
  constexpr unsigned kMachine = EM_ARM;
#elif defined(__powerpc64__)
  constexpr unsigned kMachine = EM_PPC64;
#elif defined(__s390x__)
  constexpr unsigned kMachine = EM_S390;
#elif defined(__riscv)
  constexpr unsigned kMachine = EM_RISCV;
#elif defined(__i386__)
  constexpr unsigned kMachine = EM_386;
#else
  const unsigned kMachine = header.e_machine;
#endif
  return header.e_ident[EI_CLASS] == kClass && header.e_ident[EI_DATA] == kData &&
         header.e_machine == kMachine && header.e_phentsize == sizeof(ElfW(Phdr));
}

// Returns the offset in the file of the byte that is loaded at `address`.
uint64_t OffsetOf(const std::vector<ElfW(Phdr)>& segments, uint64_t address) {
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz) {
      return address - segment.p_vaddr + segment.p_offset;
    }
  }
  return 0;
}

bool HasOrigin(int fd, uint64_t offset) {
  char path[4096] = {};
  const ssize_t got =
      RetryEintr([&] { return pread(fd, path, sizeof path - 1, static_cast<off_t>(offset)); });
  return got > 0 && (strstr(path, "$ORIGIN") != nullptr || strstr(path, "${ORIGIN}") != nullptr);
}

bool FollowsOrigin(int fd, const std::vector<ElfW(Phdr)>& segments, const ElfW(Phdr) & dynamic) {
  const auto entries =
      ReadTable<ElfW(Dyn)>(fd, dynamic.p_offset, dynamic.p_filesz / sizeof(ElfW(Dyn)));
  uint64_t strings = 0;
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_STRTAB) strings = OffsetOf(segments, entry.d_un.d_ptr);
  }
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    if ((entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) && HasOrigin(fd, strings + entry.d_un.d_val)) {
      return true;
    }
  }
  return false;
}

}  // namespace

ElfFacts ReadElf(int fd) {
  ElfFacts facts;
  const auto header = ReadTable<ElfW(Ehdr)>(fd, 0, 1);
  if (header.empty() || memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0) return facts;
  facts.is_elf = true;
  facts.is_native = IsNative(header[0]);
  if (!facts.is_native) return facts;
  const auto segments = ReadTable<ElfW(Phdr)>(fd, header[0].e_phoff, header[0].e_phnum);
  for (const auto& segment : segments) {
    if (segment.p_type == PT_INTERP) facts.is_dynamic = true;
    if (segment.p_type == PT_DYNAMIC) facts.follows_origin = FollowsOrigin(fd, segments, segment);
  }
  return facts;
}

}  // namespace tracegate
