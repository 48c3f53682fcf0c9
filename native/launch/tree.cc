// tracegate-tree.so: each process that loads this library declares the tracer that TRACEGATE_PTRACER names
// (PR_SET_PTRACER). Yama keeps a declaration over exec, and gives a new process none. So a constructor declares after
// each exec, and a fork handler declares in each child of fork(3). launch/preloaded.cc describes the variable.
//
// The library is linked to no C library, and needs what glibc and musl both have. It calls the kernel by syscall(2),
// which is no cancellation point: fork(3) isn't one either.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {
// glibc links pthread_atfork() statically into each program, and exports what that calls. musl has only the second.
[[gnu::weak]] int __register_atfork(void (*)(), void (*)(), void (*child)(), void* library);
[[gnu::weak]] int pthread_atfork(void (*)(), void (*)(), void (*child)()) noexcept;
}

namespace {

constexpr char kOwnNamespace[] = "/proc/self/ns/pid";
constexpr int kStartTime = 22;  // Documentation/filesystems/proc.rst, fields of /proc/PID/stat

// A process as TRACEGATE_PTRACER names it. The text is a copy: a program that sets its title writes over the variable.
// The members have no initializers, which would run as a constructor of the library after Begin().
struct Tracer {
  unsigned long pid;  // as PR_SET_PTRACER takes it; 0: there is nothing to declare
  char text[128];     // its parts, each with a null character at the end
  const char* pid_namespace;
  const char* start_time;
  char stat[32];  // the path /proc/PID/stat
};

Tracer tracer;

int Declared(unsigned long pid) {
  return static_cast<int>(syscall(SYS_prctl, PR_SET_PTRACER, pid, 0UL, 0UL, 0UL));
}

bool IsInNamespace() {
  char name[64];
  const long length = syscall(SYS_readlinkat, AT_FDCWD, kOwnNamespace, name, sizeof name);
  return length > 0 && static_cast<size_t>(length) == strlen(tracer.pid_namespace) &&
         memcmp(name, tracer.pid_namespace, static_cast<size_t>(length)) == 0;
}

bool HasStartTime() {
  char stat[1024];
  const long file = syscall(SYS_openat, AT_FDCWD, tracer.stat, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const long length = syscall(SYS_read, file, stat, sizeof stat - 1);
  syscall(SYS_close, file);
  if (length <= 0) return false;
  stat[length] = 0;
  // Field 2, the name, may have blanks and parentheses.
  const char* field = strrchr(stat, ')');
  for (int number = 2; field != nullptr && number < kStartTime; ++number) field = strchr(field + 1, ' ');
  const size_t size = strlen(tracer.start_time);
  return field != nullptr && strncmp(field + 1, tracer.start_time, size) == 0 && field[1 + size] == ' ';
}

// In another pid namespace the pid is that of another process.
bool IsSameProcess() {
  return IsInNamespace() && HasStartTime();
}

// If the tracer ends, another process may get its pid, also between the first look and the declaration.
void Declare() {
  const int error = errno;
  if (tracer.pid == PR_SET_PTRACER_ANY) {
    Declared(tracer.pid);
  } else if (tracer.pid != 0 && IsSameProcess() && Declared(tracer.pid) == 0 && !IsSameProcess()) {
    Declared(0);
  }
  errno = error;
}

// Ends the text at the next '-', and returns what follows.
char* Cut(char* text) {
  char* const end = text == nullptr ? nullptr : strchr(text, '-');
  if (end == nullptr) return nullptr;
  *end = 0;
  return end + 1;
}

void Parse(const char* variable) {
  if (strcmp(variable, "any") == 0) {
    tracer.pid = PR_SET_PTRACER_ANY;
    return;
  }
  if (strlen(variable) >= sizeof tracer.text) return;
  strcpy(tracer.text, variable);
  char* const pid = Cut(tracer.text);
  char* const start_time = Cut(pid);
  if (start_time == nullptr || strlen(pid) > 10) return;
  tracer.pid_namespace = tracer.text;
  tracer.start_time = start_time;
  strcpy(tracer.stat, "/proc/");
  strcat(tracer.stat, pid);
  strcat(tracer.stat, "/stat");
  for (const char* digit = pid; *digit >= '0' && *digit <= '9'; ++digit) {
    tracer.pid = tracer.pid * 10 + static_cast<unsigned long>(*digit - '0');
  }
}

[[gnu::constructor]] void Begin() {
  const char* variable = getenv("TRACEGATE_PTRACER");
  if (variable == nullptr) return;
  Parse(variable);
  Declare();
  if (__register_atfork != nullptr) {
    __register_atfork(nullptr, nullptr, Declare, nullptr);
  } else if (pthread_atfork != nullptr) {
    pthread_atfork(nullptr, nullptr, Declare);
  }
}

}  // namespace
