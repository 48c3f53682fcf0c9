#pragma once

#include <cstdint>
#include <string_view>

namespace tracegate {

// Decimal numbers with blanks between them, as the files of /proc hold them.
class NumberScanner {
 public:
  explicit NumberScanner(std::string_view text) : rest_(text) {}

  // Reads the next number. Returns false if no digit comes next, or if the number has more than 15 digits: a double may
  // not hold such a number exactly.
  bool Decimal(int64_t* number) {
    SkipBlanks();
    constexpr size_t kMostDigits = 15;
    size_t digits = 0;
    int64_t value = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      if (digits == kMostDigits) return false;
      value = value * 10 + (rest_[digits] - '0');
    }
    if (digits == 0) return false;
    rest_.remove_prefix(digits);
    *number = value;
    return true;
  }

  // Skips the next word, up to a blank. Returns false if no word is left.
  bool SkipWord() {
    SkipBlanks();
    size_t length = 0;
    while (length < rest_.size() && !IsBlank(rest_[length])) ++length;
    rest_.remove_prefix(length);
    return length > 0;
  }

  bool IsAtEnd() {
    SkipBlanks();
    return rest_.empty();
  }

 private:
  static bool IsBlank(char character) { return character == ' ' || character == '\t' || character == '\n'; }

  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_[0])) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

// Parses a text of exactly `digits` lowercase hexadecimal digits. Returns false for any other text.
inline bool ParseHexadecimal(std::string_view text, size_t digits, uint64_t* number) {
  if (text.size() != digits) return false;
  *number = 0;
  for (const char digit : text) {
    const bool is_decimal = digit >= '0' && digit <= '9';
    if (!is_decimal && (digit < 'a' || digit > 'f')) return false;
    *number = *number << 4 | static_cast<uint64_t>(is_decimal ? digit - '0' : digit - 'a' + 10);
  }
  return true;
}

}  // namespace tracegate
