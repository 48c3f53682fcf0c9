#include "launch/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <iterator>
#include <string>

#include "launch/environment.h"
#include "launch/failure.h"

namespace tracegate {
namespace {

// An option of the launcher. lib/kernel/launch-options.ts has the same table, and a test compares both.
struct Option {
  const char* name;
  const char* value;    // its form, as the usage shows it; null: the option takes none
  const char* implied;  // the value of the option alone: another one stands after `=` only
  bool is_inner;        // only tracegate itself gives the option
  void (*take)(const char* value, LaunchOptions* options);
};

[[noreturn]] void Misused(const std::string& why);

void TakeDeny(const char* value, LaunchOptions* options) {
  if (strcmp(value, "sealed") == 0) {
    options->deny = Deny::kSealed;
  } else if (strcmp(value, "detached") == 0) {
    options->deny = Deny::kDetached;
  } else if (strcmp(value, "preload") == 0) {
    options->deny = Deny::kPreload;
  } else {
    Misused("--deny=" + Quoted(value) + ": use sealed, detached or preload");
  }
}

void TakeConfine(const char* value, LaunchOptions* options) {
  struct Word {
    const char* value;
    Confine confine;
  };
  constexpr Word kWords[] = {
      {"available", Confine::kAvailable},
      {"all", Confine::kAll},
      {"tracing", Confine::kTracing},
      {"signals", Confine::kSignals},
      {"abstract-sockets", Confine::kAbstractSockets},
      {"best-effort", Confine::kBestEffort},
  };
  for (const Word& word : kWords) {
    if (strcmp(value, word.value) == 0) options->confine = word.confine;
  }
  if (options->confine == Confine::kNo) {
    Misused("--confine=" + Quoted(value) +
            ": use available, all, tracing, signals, abstract-sockets or best-effort");
  }
}

// Returns whether the whole word is a decimal number from `least` to the largest int.
bool ParseInt(const char* word, unsigned long least, int* number) {
  char* end;
  const unsigned long value = strtoul(word, &end, 10);
  if (!isdigit(static_cast<unsigned char>(*word)) || *end != 0 || value < least || value > 0x7fffffff) return false;
  *number = static_cast<int>(value);
  return true;
}

void TakeTracer(const char* value, LaunchOptions* options) {
  int pid = 0;
  options->declares_tracer = true;
  if (strcmp(value, "any") == 0) {
    options->tracer = PR_SET_PTRACER_ANY;
  } else if (strcmp(value, "tree") == 0) {
    // This process becomes the command.
    options->tracer = static_cast<unsigned long>(getpid());
    options->declares_itself = true;
  } else if (strcmp(value, "none") == 0 || ParseInt(value, 1, &pid)) {
    options->tracer = static_cast<unsigned long>(pid);
  } else {
    Misused("--ptracer " + Quoted(value) + ": use a pid, any, none or tree");
  }
}

void TakeTree(const char*, LaunchOptions* options) {
  options->declares_tree = true;
}

void TakeCore(const char* value, LaunchOptions* options) {
  if (strcmp(value, "off") != 0) Misused("--core " + Quoted(value) + ": the only value is off");
  options->core_off = true;
}

void TakeHold(const char* value, LaunchOptions* options) {
  if (!ParseInt(value, 3, &options->hold_fd)) {
    Misused("--hold-fd " + Quoted(value) + ": use the number of a descriptor, 3 or more");
  }
}

void TakeReport(const char* value, LaunchOptions* options) {
  if (!ParseInt(value, 1, &options->report_fd)) {
    Misused("--report-fd " + Quoted(value) + ": use the number of a descriptor");
  }
}

void TakeSocket(const char* value, LaunchOptions* options) {
  options->kept_socket = value;
}

void TakeDieWithParent(const char*, LaunchOptions* options) {
  options->die_with_parent = true;
}

void TakeEnvironment(const char* value, LaunchOptions*) {
  ReceiveEnvironment(value);
}

void TakeVariable(const char* value, LaunchOptions*) {
  if (strchr(value, '=') == nullptr) Misused("--setenv " + Quoted(value) + ": it is NAME=VALUE");
  // The words stay in place as long as the process lives.
  putenv(const_cast<char*>(value));
}

constexpr Option kOptions[] = {
    {"--deny", "sealed|detached|preload", "sealed", false, TakeDeny},
    {"--confine", "available|all|tracing|signals|abstract-sockets|best-effort", "available", false, TakeConfine},
    {"--report-fd", "FD", nullptr, false, TakeReport},
    {"--ptracer", "PID|any|none|tree", nullptr, false, TakeTracer},
    {"--tree", nullptr, nullptr, false, TakeTree},
    {"--core", "off", nullptr, false, TakeCore},
    {"--hold-fd", "FD", nullptr, true, TakeHold},
    {"--remove-socket", "DEVICE:INODE:PATH", nullptr, true, TakeSocket},
    {"--die-with-parent", nullptr, nullptr, true, TakeDieWithParent},
    {"--environment", "FD:BYTES", nullptr, true, TakeEnvironment},
    {"--setenv", "NAME=VALUE", nullptr, true, TakeVariable},
};

std::string UsageLine() {
  std::string line = "usage: tracegate-launch";
  for (const Option& option : kOptions) {
    if (option.is_inner) continue;
    line += " [" + std::string(option.name);
    if (option.value != nullptr) {
      const std::string value = option.value;
      line += option.implied == nullptr ? " " + value : "[=" + value + "]";
    }
    line += "]";
  }
  return line + " -- CMD ARGS...";
}

void Misused(const std::string& why) {
  Fail(kUsage, why + "; " + UsageLine());
}

// Takes the option at `*words`, which ends at the option's last word. Returns false if the word is another option.
bool TakeIf(const Option& option, char*** words, LaunchOptions* options) {
  const char* const word = **words;
  const size_t length = strlen(option.name);
  if (strncmp(word, option.name, length) != 0) return false;
  if (word[length] == '=' && option.value != nullptr) {
    option.take(word + length + 1, options);
    return true;
  }
  if (word[length] != 0) return false;
  const bool is_next = option.value != nullptr && option.implied == nullptr;
  const char* const value = is_next ? *++*words : option.implied;
  if (is_next && value == nullptr) Misused(std::string(option.name) + " needs a value");
  option.take(value, options);
  return true;
}

void CheckTree(LaunchOptions* options) {
  if (options->declares_tree && options->declares_itself) {
    Misused("--ptracer tree already holds for the whole tree: leave out --tree");
  }
  if (options->declares_tree && options->tracer == 0) {
    Misused("--tree has each process of the tree declare a tracer: give --ptracer PID or --ptracer any");
  }
  options->declares_tree |= options->declares_itself;
}

using IsTaken = std::array<bool, std::size(kOptions)>;

void TakeOption(char*** words, LaunchOptions* options, IsTaken* is_taken) {
  for (size_t at = 0; at < std::size(kOptions); ++at) {
    const Option& option = kOptions[at];
    if (!TakeIf(option, words, options)) continue;
    // The first value would be lost without a word.
    if ((*is_taken)[at] && option.value != nullptr && !option.is_inner) Misused(std::string(option.name) + " is given twice");
    (*is_taken)[at] = true;
    return;
  }
  Misused(Quoted(**words) + " is no option: put -- before the command");
}

}  // namespace

LaunchOptions ParseLaunchOptions(char** words) {
  LaunchOptions options;
  IsTaken is_taken = {};
  bool ended = false;
  for (; *words != nullptr && !ended; ++words) {
    ended = strcmp(*words, "--") == 0;
    if (!ended) TakeOption(&words, &options, &is_taken);
  }
  if (options.kept_socket != nullptr) {
    if (options.hold_fd < 0 || ended) Misused("--remove-socket goes with --hold-fd, and without a command");
    return options;
  }
  if (!ended || *words == nullptr) Misused("there is no command after --");
  if (options.deny != Deny::kNo && options.tracer != 0) {
    Misused("--ptracer allows a debugger and --deny refuses it: choose one");
  }
  if (options.report_fd >= 0 && options.confine == Confine::kNo) {
    Misused("--report-fd is for the report of --confine: give both");
  }
  CheckTree(&options);
  options.command = words;
  return options;
}

}  // namespace tracegate
