#include "proc/process_status.h"

#include <algorithm>

#include "proc/number_scanner.h"
#include "proc/status_line.h"

namespace tracegate {
namespace {

bool ParseIds(std::string_view value, std::array<int64_t, 4>* ids) {
  NumberScanner scanner(value);
  for (int64_t& id : *ids) {
    if (!scanner.Decimal(&id)) return false;
  }
  return scanner.IsAtEnd();
}

// Digits of a mask: fs/proc/array.c, render_cap_t() and render_sigset_t().
constexpr size_t kMaskDigits = 16;

bool ParseSignals(std::string_view value, int64_t* mask) {
  uint64_t all;
  if (!ParseHexadecimal(value, kMaskDigits, &all)) return false;
  *mask = static_cast<int64_t>(all & 0xffffffff);
  return true;
}

bool ParseCapabilities(std::string_view value, int64_t* mask) {
  uint64_t all;
  // A double holds 53 bits.
  if (!ParseHexadecimal(value, kMaskDigits, &all) || all >> 53 != 0) return false;
  *mask = static_cast<int64_t>(all);
  return true;
}

bool ParseLine(std::string_view name, std::string_view value, ProcessStatus* status) {
  if (name == "State") {
    status->state = value.empty() ? '\0' : value[0];
  } else if (name == "Tgid") {
    return ParseNumber(value, &status->tgid);
  } else if (name == "PPid") {
    return ParseNumber(value, &status->ppid);
  } else if (name == kTracerLine) {
    return ParseNumber(value, &status->tracer);
  } else if (name == "Uid") {
    return ParseIds(value, &status->uids);
  } else if (name == "Gid") {
    return ParseIds(value, &status->gids);
  } else if (name == "Threads") {
    return ParseNumber(value, &status->threads);
  } else if (name == "SigBlk") {
    return ParseSignals(value, &status->blocked);
  } else if (name == "SigIgn") {
    return ParseSignals(value, &status->ignored);
  } else if (name == "SigCgt") {
    return ParseSignals(value, &status->caught);
  } else if (name == "CapInh") {
    return ParseCapabilities(value, &status->inheritable);
  } else if (name == "CapPrm") {
    return ParseCapabilities(value, &status->permitted);
  } else if (name == "CapEff") {
    return ParseCapabilities(value, &status->effective);
  } else if (name == "CapBnd") {
    return ParseCapabilities(value, &status->bounding);
  } else if (name == "NoNewPrivs") {
    return ParseNumber(value, &status->no_new_privs);
  } else if (name == "Seccomp") {
    return ParseNumber(value, &status->seccomp);
  }
  return true;
}

}  // namespace

bool ParseName(std::string_view text, std::string* name) {
  constexpr std::string_view kPrefix = "Name:\t";
  if (text.substr(0, kPrefix.size()) != kPrefix) return false;
  const std::string_view escaped = text.substr(kPrefix.size(), text.find('\n') - kPrefix.size());
  name->clear();
  for (size_t at = 0; at < escaped.size(); ++at) {
    const bool is_escape = escaped[at] == '\\' && at + 1 < escaped.size();
    if (is_escape) ++at;
    name->push_back(is_escape && escaped[at] == 'n' ? '\n' : escaped[at]);
  }
  return true;
}

bool ParseStatus(std::string_view text, ProcessStatus* status) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = line.find(':');
    if (colon == line.npos || colon + 2 > line.size()) continue;
    const std::string_view name = line.substr(0, colon);
    if (!ParseLine(name, line.substr(colon + 2), status)) return false;
    if (name == "Seccomp") break;  // the last line that is needed; the rest is long
  }
  const int64_t needed[] = {status->tgid,    status->ppid,      status->tracer,   status->uids[3],
                            status->gids[3], status->permitted, status->effective, status->threads};
  for (const int64_t number : needed) {
    if (number < 0) return false;
  }
  return status->state != '\0';
}

}  // namespace tracegate
