#include "launch/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <string>

#include "launch/environment.h"
#include "launch/failure.h"

namespace tracegate {
namespace {

constexpr char kUsageLine[] =
    "usage: tracegate-launch [--deny[=sealed|detached|preload]] [--ptracer PID|any|none] [--core off] -- CMD ARGS...";

[[noreturn]] void Misused(const std::string& why) {
  Fail(kUsage, why + "; " + kUsageLine);
}

unsigned long ParseTracer(const char* word) {
  if (strcmp(word, "none") == 0) return 0;
  if (strcmp(word, "any") == 0) return PR_SET_PTRACER_ANY;
  char* end;
  const unsigned long pid = strtoul(word, &end, 10);
  if (!isdigit(static_cast<unsigned char>(*word)) || *end != 0 || pid < 1 || pid > 0x7fffffff) {
    Misused("--ptracer " + Quoted(word) + ": use a pid, any or none");
  }
  return pid;
}

int ParseDescriptor(const char* word) {
  char* end;
  const unsigned long fd = strtoul(word, &end, 10);
  if (!isdigit(static_cast<unsigned char>(*word)) || *end != 0 || fd < 3 || fd > 0x7fffffff) {
    Misused("--hold-fd " + Quoted(word) + ": use the number of a descriptor, 3 or more");
  }
  return static_cast<int>(fd);
}

// Returns the value of `--name=value` or `--name value`, or null if the word is another option.
const char* ValueOf(char*** word, const char* name) {
  const size_t length = strlen(name);
  if (strncmp(**word, name, length) != 0) return nullptr;
  if ((**word)[length] == '=') return **word + length + 1;
  if ((**word)[length] != 0) return nullptr;
  const char* value = *++*word;
  if (value == nullptr) Misused(std::string(name) + " needs a value");
  return value;
}

}  // namespace

LaunchOptions ParseLaunchOptions(char** words) {
  LaunchOptions options;
  bool ended = false;
  for (; *words != nullptr && !ended; ++words) {
    if (strcmp(*words, "--") == 0) {
      ended = true;
    } else if (strcmp(*words, "--deny") == 0 || strcmp(*words, "--deny=sealed") == 0) {
      options.deny = Deny::kSealed;
    } else if (strcmp(*words, "--deny=detached") == 0) {
      options.deny = Deny::kDetached;
    } else if (strcmp(*words, "--deny=preload") == 0) {
      options.deny = Deny::kPreload;
    } else if (const char* tracer = ValueOf(&words, "--ptracer")) {
      options.declares_tracer = true;
      options.tracer = ParseTracer(tracer);
    } else if (const char* core = ValueOf(&words, "--core")) {
      if (strcmp(core, "off") != 0) Misused("--core " + Quoted(core) + ": the only value is off");
      options.core_off = true;
    } else if (const char* hold = ValueOf(&words, "--hold-fd")) {
      options.hold_fd = ParseDescriptor(hold);
    } else if (const char* socket = ValueOf(&words, "--remove-socket")) {
      options.kept_socket = socket;
    } else if (strcmp(*words, "--die-with-parent") == 0) {
      options.die_with_parent = true;
    } else if (const char* environment = ValueOf(&words, "--environment")) {
      ReceiveEnvironment(environment);
    } else if (const char* variable = ValueOf(&words, "--setenv")) {
      // The words stay in place as long as the process lives.
      if (strchr(variable, '=') == nullptr) Misused("--setenv " + Quoted(variable) + ": it is NAME=VALUE");
      putenv(const_cast<char*>(variable));
    } else {
      Misused(Quoted(*words) + " is no option: put -- before the command");
    }
  }
  if (options.kept_socket != nullptr) {
    if (options.hold_fd < 0 || ended) Misused("--remove-socket goes with --hold-fd, and without a command");
    return options;
  }
  if (!ended || *words == nullptr) Misused("there is no command after --");
  if (options.deny != Deny::kNo && options.tracer != 0) {
    Misused("--ptracer allows a debugger and --deny refuses it: choose one");
  }
  options.command = words;
  return options;
}

}  // namespace tracegate
