#include "proc/process_files.h"

#include "proc/number_scanner.h"

namespace tracegate {

bool ParseStat(std::string_view text, ProcessStat* stat) {
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == text.npos || close == text.npos || close < open || close + 3 >= text.size()) return false;
  stat->name = text.substr(open + 1, close - open - 1);
  stat->state = text[close + 2];
  NumberScanner fields(text.substr(close + 3));
  if (!fields.Decimal(&stat->ppid)) return false;
  const auto skip = [&fields](int count) {
    while (count > 0 && fields.SkipWord()) --count;
    return count == 0;
  };
  // Fields 4, 9 and 22.
  return skip(4) && fields.Decimal(&stat->flags) && skip(12) && fields.Decimal(&stat->start_time);
}

bool ParseUserNamespace(std::string_view link, int64_t* id) {
  constexpr std::string_view kPrefix = "user:[";
  if (link.substr(0, kPrefix.size()) != kPrefix || link.back() != ']') return false;
  NumberScanner scanner(link.substr(kPrefix.size(), link.size() - kPrefix.size() - 1));
  return scanner.Decimal(id) && scanner.IsAtEnd();
}

bool IsNodeCommand(std::string_view command_line, bool* has_first) {
  const size_t end = command_line.find('\0');
  *has_first = end != command_line.npos;
  std::string_view word = command_line.substr(0, end);
  while (!word.empty() && word.back() == '/') word.remove_suffix(1);
  const std::string_view name = word.substr(word.rfind('/') + 1);  // npos + 1 is 0
  return name == "node" || name == "nodejs";
}

}  // namespace tracegate
