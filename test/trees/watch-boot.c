// watch-boot.c, the init= of a tree that boots in the lab: it starts the tree's own /sbin/init in its place, and notes in
// /.tracegate-boot.log, a line for each, who writes kernel.yama.ptrace_scope and what the value then is. The last line is `end VALUE`.
// The environment has TRACEGATE_INITIAL, the value that the tree's own kernel begins with, if that is not this kernel's, and
// TRACEGATE_INIT in the place of init=.
//
// The watcher has a real-time priority, so it runs before the writer's next instruction, and finds the writer alive.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <poll.h>
#include <unistd.h>

#define KEY "/proc/sys/kernel/yama/ptrace_scope"
#define LOG "/.tracegate-boot.log"
// The boot is over when no process has begun for this long, and the processor was idle. A boot without an end fails.
#define QUIET_MS 3000
#define STEP_MS 250
#define LIMIT_MS 300000

static FILE *out;

static char value(void) {
  char text[8] = "?";
  int fd = open(KEY, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (read(fd, text, sizeof text - 1) < 1) text[0] = '?';
    close(fd);
  }
  return text[0];
}

struct work {
  unsigned long long busy;
  unsigned long long idle;
  unsigned long processes;
};

static struct work work_so_far(void) {
  char text[65536];
  struct work so_far = {0};
  int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[size > 0 ? size : 0] = '\0';
  unsigned long long user, nice, system, waiting;
  if (sscanf(text, "cpu %llu %llu %llu %llu %llu", &user, &nice, &system, &so_far.idle, &waiting) == 5)
    so_far.busy = user + nice + system;
  const char *at = strstr(text, "\nprocesses ");
  if (at != NULL) sscanf(at, "\nprocesses %lu", &so_far.processes);
  return so_far;
}

static void command_line(int pid, char *text, size_t room) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, room - 1);
  if (fd >= 0) close(fd);
  if (size < 0) size = 0;
  for (ssize_t at = 0; at < size; at++)
    if (text[at] == '\0' || text[at] == '\n') text[at] = ' ';
  while (size > 0 && text[size - 1] == ' ') size--;
  text[size] = '\0';
}

static void take_events(int events) {
  struct fanotify_event_metadata batch[64];
  ssize_t size = read(events, batch, sizeof batch);
  struct fanotify_event_metadata *event = batch;
  for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
    char text[1024];
    command_line(event->pid, text, sizeof text);
    if (event->pid != getpid()) fprintf(out, "write %c by %s\n", value(), text);
    if (event->fd >= 0) close(event->fd);
  }
}

static void watch(int ready) {
  struct sched_param first = {.sched_priority = 10};
  sched_setscheduler(0, SCHED_FIFO, &first);
  // An open file keeps its inode: after a mount of /proc once more, the path would have another one.
  int kept = open(KEY, O_RDONLY | O_CLOEXEC);
  int events = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
  if (kept >= 0 && (events < 0 || fanotify_mark(events, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, KEY) != 0))
    fprintf(out, "failed fanotify: %s\n", strerror(errno));
  close(ready);
  struct work before = work_so_far();
  int quiet = 0;
  for (int time = 0; time < LIMIT_MS && quiet < QUIET_MS; time += STEP_MS) {
    struct pollfd wanted = {.fd = events, .events = POLLIN};
    if (poll(&wanted, 1, STEP_MS) > 0) take_events(events);
    struct work now = work_so_far();
    int isQuiet = now.processes == before.processes && now.idle - before.idle >= 4 * (now.busy - before.busy);
    quiet = isQuiet ? quiet + STEP_MS : 0;
    before = now;
  }
  if (quiet < QUIET_MS) fprintf(out, "failed: the boot goes on after %d s\n", LIMIT_MS / 1000);
  fprintf(out, "end %c\n", value());
  fflush(out);
  sync();
  reboot(RB_POWER_OFF);
}

int main(int argc, char **argv) {
  (void)argc;
  mkdir("/proc", 0555);
  mount("proc", "/proc", "proc", 0, NULL);
  out = fopen(LOG, "we");
  if (out == NULL) return 1;
  setvbuf(out, NULL, _IOLBF, 0);
  const char *initial = getenv("TRACEGATE_INITIAL");
  int key = initial == NULL ? -1 : open(KEY, O_WRONLY | O_CLOEXEC);
  if (key >= 0) {
    if (write(key, initial, strlen(initial)) < 0) fprintf(out, "failed %s: %s\n", KEY, strerror(errno));
    close(key);
  }
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return 1;
  if (fork() == 0) {
    setsid();
    close(ready[0]);
    watch(ready[1]);
    return 1;
  }
  close(ready[1]);
  char byte;
  (void)!read(ready[0], &byte, 1);
  // As kernel_init() in init/main.c: init= alone, or the first of these that can be executed.
  char *asked = getenv("TRACEGATE_INIT");
  char *usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};
  for (int at = 0; at < (asked == NULL ? 4 : 1); at++) {
    argv[0] = asked == NULL ? usual[at] : asked;
    execv(argv[0], argv);
  }
  fprintf(out, "failed %s: %s\n", argv[0], strerror(errno));
  reboot(RB_POWER_OFF);
}
