#include "secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace actor {

volatile uint64_t secret_word = 0;

std::string ToHex(uint64_t word) {
  char digits[17];
  snprintf(digits, sizeof digits, "%016" PRIx64, word);
  return digits;
}

bool SetSecret(uint64_t word) {
  char* const place = getenv(kSecretVariable);
  if (place == nullptr || strlen(place) != 16) return false;
  secret_word = word;
  memcpy(place, ToHex(word).data(), 16);
  return true;
}

}  // namespace actor
