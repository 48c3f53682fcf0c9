#pragma once

#include <cstdint>
#include <string>

namespace actor {

// A word that only this process knows, in two places: a variable, whose address is the same in every process
// that was forked from the same one, and the process' initial environment, where /proc/PID/environ looks.
extern volatile uint64_t secret_word;

// The variable that the starter of the program must set to 16 digits: the block keeps its length from the exec.
constexpr char kSecretVariable[] = "TRACEGATE_ACTOR_SECRET";

bool SetSecret(uint64_t word);

// 16 hexadecimal digits.
std::string ToHex(uint64_t word);

}  // namespace actor
