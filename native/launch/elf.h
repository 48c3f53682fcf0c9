#pragma once

namespace tracegate {

// What an ELF program's headers say about how it is loaded.
struct ElfFacts {
  bool is_elf = false;
  // Of this program's own class, byte order and machine. Only then is the rest known.
  bool is_native = false;
  // PT_INTERP: a dynamic loader runs first.
  bool is_dynamic = false;
  // DT_RUNPATH or DT_RPATH with $ORIGIN: libraries are sought beside the program.
  bool follows_origin = false;
};

ElfFacts ReadElf(int fd);

}  // namespace tracegate
