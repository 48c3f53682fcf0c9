#pragma once

namespace tracegate {

// Facts of an ELF program's headers that decide how the program is loaded.
struct ElfFacts {
  bool is_elf = false;
  // The program has this launcher's class, byte order and machine. The facts below are known only then.
  bool is_native = false;
  // PT_INTERP: a dynamic linker runs first.
  bool is_dynamic = false;
  // DT_RUNPATH or DT_RPATH with $ORIGIN: the dynamic linker looks for libraries beside the program.
  bool follows_origin = false;
};

ElfFacts ReadElf(int fd);

}  // namespace tracegate
