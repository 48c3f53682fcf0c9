#include "proc/status_line.h"

#include <algorithm>

#include "proc/number_scanner.h"

namespace tracegate {

bool ParseNumber(std::string_view value, int64_t* number) {
  NumberScanner scanner(value);
  return scanner.Decimal(number) && scanner.IsAtEnd();
}

int64_t ParseStatusNumber(std::string_view text, std::string_view line_name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view name = line.substr(0, line.find(':'));
    if (name != line_name || name.size() == line.size()) continue;
    int64_t number;
    return ParseNumber(line.substr(name.size() + 1), &number) ? number : -1;
  }
  return -1;
}

}  // namespace tracegate
