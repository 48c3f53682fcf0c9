#include "launch/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/failure.h"
#include "syscall/result.h"

namespace tracegate {
namespace {

constexpr size_t kShebangSize = 256;  // BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h
constexpr int kDeepest = 5;           // fs/exec.c, exec_binprm()
constexpr char kBlanks[] = " \t";

// Returns 0 or an errno.
int WhyNotExecutable(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> words;
  for (size_t from = text.find_first_not_of(kBlanks); from != std::string::npos;) {
    const size_t end = text.find_first_of(kBlanks, from);
    words.push_back(text.substr(from, end - from));
    from = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

// Returns the interpreter and, if there is one, its single argument with inner blanks; or nothing without `#!`.
std::vector<std::string> ReadShebang(int fd, const std::string& path) {
  char buffer[kShebangSize];
  const ssize_t got = RetryEintr([&] { return pread(fd, buffer, sizeof buffer, 0); });
  const std::string start(buffer, got > 0 ? static_cast<size_t>(got) : 0);
  if (start.compare(0, 2, "#!") != 0) return {};
  const size_t line_end = start.find('\n');
  const std::string line = start.substr(2, line_end == std::string::npos ? line_end : line_end - 2);
  const size_t name = line.find_first_not_of(kBlanks);
  const size_t name_end = line.find_first_of(kBlanks, name);
  const bool is_cut = line_end == std::string::npos && start.size() == kShebangSize && name_end == line_end;
  if (name == std::string::npos || is_cut) {
    Fail(kNotExecutable, Quoted(path) + ": its first line names no interpreter: Exec format error");
  }
  std::vector<std::string> words = {line.substr(name, name_end - name)};
  const size_t argument = line.find_first_not_of(kBlanks, name_end);
  if (argument != std::string::npos) {
    words.push_back(line.substr(argument, line.find_last_not_of(kBlanks) + 1 - argument));
  }
  return words;
}

// Returns the words that `env NAME` and `env -S NAME ARGS` execute. The other options of env change the environment,
// which the launcher does not imitate.
std::vector<std::string> WordsOfEnv(const std::vector<std::string>& shebang, const std::string& script) {
  std::string argument = shebang.size() > 1 ? shebang[1] : "";
  const bool splits = argument.compare(0, 2, "-S") == 0;
  if (splits) argument.erase(0, 2);
  const std::vector<std::string> words = splits ? Split(argument) : std::vector<std::string>{argument};
  if (words.empty() || words[0].empty() || words[0][0] == '-' ||
      argument.find_first_of("=\\$'\"#") != std::string::npos) {
    Fail(kNotLaunched, Quoted(script) +
                           " starts by way of env with options, so its interpreter can't be closed: give the "
                           "interpreter yourself, as in: -- node script.js");
  }
  return words;
}

std::string NameIn(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::string FindProgram(const std::string& name) {
  int refusal = ENOENT;
  std::string found = name;
  if (name.find('/') != std::string::npos) {
    refusal = WhyNotExecutable(name);
  } else if (!name.empty()) {
    const char* variable = getenv("PATH");
    const std::string path = variable == nullptr ? "/bin:/usr/bin" : variable;
    for (size_t from = 0; refusal != 0 && from <= path.size();) {
      const size_t end = std::min(path.find(':', from), path.size());
      const std::string directory = path.substr(from, end - from);
      found = directory.empty() ? name : directory + "/" + name;
      struct stat status;
      // As in a shell, the search remembers a file that is present but not executable. An invisible file counts as
      // missing.
      if (stat(found.c_str(), &status) == 0) refusal = WhyNotExecutable(found);
      from = end + 1;
    }
  }
  if (refusal == 0) return found;
  if (refusal == ENOENT || refusal == ENOTDIR) {
    const bool has_slash = name.find('/') != std::string::npos;
    Fail(kNotFound,
         Quoted(name) + (has_slash ? ": there is no such program" : " is not in PATH: give its path"));
  }
  FailErrno(kNotExecutable, Quoted(name), refusal, "it has to be a program that you may execute");
}

std::vector<char*> Arguments(const Program& program) {
  std::vector<char*> words;
  for (const std::string& word : program.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  return words;
}

Program ResolveProgram(char** command) {
  Program program;
  for (char** word = command; *word != nullptr; ++word) program.words.emplace_back(*word);
  program.path = FindProgram(program.words[0]);
  for (int depth = 0; depth <= kDeepest; ++depth) {
    program.file = UniqueFd(open(program.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!program.file && errno != EACCES) FailErrno(kNotExecutable, Quoted(program.path), errno);
    if (!program.file) return program;
    program.elf = ReadElf(program.file.get());
    if (program.elf.is_elf) return program;
    std::vector<std::string> shebang = ReadShebang(program.file.get(), program.path);
    if (shebang.empty()) {
      Fail(kNotExecutable, Quoted(program.path) + " is neither an ELF program nor a script with #!: "
                           "name its interpreter, as in: -- sh script");
    }
    const bool is_env = NameIn(shebang[0]) == "env";
    if (is_env) shebang = WordsOfEnv(shebang, program.path);
    // The path of the script replaces its argv[0].
    program.words[0] = program.path;
    program.words.insert(program.words.begin(), shebang.begin(), shebang.end());
    program.path = is_env ? FindProgram(shebang[0]) : shebang[0];
    if (const int error = WhyNotExecutable(program.path); error != 0) {
      FailErrno(kNotExecutable, "the interpreter " + Quoted(program.path), error,
                "the script can't run without it");
    }
  }
  FailErrno(kNotExecutable, Quoted(command[0]), ELOOP, "too many interpreters are scripts themselves");
}

}  // namespace tracegate
