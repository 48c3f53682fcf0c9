// Tools that trace, and how each is used on another program of the same user.
export interface Tool {
  readonly name: string;
  /** The package of Debian. */
  readonly package: string;
  readonly use:
    | 'attaches'
    | 'starts the program'
    | 'reports a crash'
    | 'stores a core dump'
    | 'renders a page in its sandbox';
  /** The program that has to be installed. Default: the first word of the name. */
  readonly program?: string;
  /** A shell's words; $PID is a program of the same user that the shell has not started. */
  readonly command: string;
  /** What it prints if it works. null: it prints nothing then. */
  readonly prints: RegExp | null;
}

export const TOOLS: readonly Tool[] = [
  {
    name: 'gdb -p',
    package: 'gdb',
    use: 'attaches',
    command: 'gdb -nx -batch -p $PID -ex "print 6*7"',
    prints: /^\$1 = 42$/m,
  },
  {
    name: 'gdb PROGRAM',
    package: 'gdb',
    use: 'starts the program',
    command: 'gdb -nx -batch -ex starti -ex "print 6*7" /bin/true',
    prints: /^Program stopped\.$/m,
  },
  {
    name: 'gcore',
    package: 'gdb',
    use: 'attaches',
    command: 'gcore -o /tmp/core $PID',
    prints: /^Saved corefile/m,
  },
  {
    name: 'gdbserver --attach',
    package: 'gdbserver',
    use: 'attaches',
    command: 'timeout 10 gdbserver --once --attach localhost:0 $PID & sleep 5; kill $!',
    prints: /^Attached; pid = /m,
  },
  {
    name: 'strace -p',
    package: 'strace',
    use: 'attaches',
    command: 'timeout -s INT 5 strace -p $PID',
    prints: /attached$/m,
  },
  {
    name: 'strace PROGRAM',
    package: 'strace',
    use: 'starts the program',
    command: 'strace /bin/true',
    prints: /^\+\+\+ exited with 0 \+\+\+$/m,
  },
  {
    name: 'ltrace -p',
    package: 'ltrace',
    use: 'attaches',
    command: 'timeout -s INT 5 ltrace -p $PID',
    prints: null,
  },
  {
    name: 'ltrace PROGRAM',
    package: 'ltrace',
    use: 'starts the program',
    command: 'ltrace /bin/true',
    prints: /^\+\+\+ exited \(status 0\) \+\+\+$/m,
  },
  {
    name: 'eu-stack -p',
    package: 'elfutils',
    use: 'attaches',
    command: 'eu-stack -p $PID',
    prints: /^#0 /m,
  },
  {
    name: 'reptyr',
    package: 'reptyr',
    use: 'attaches',
    command: 'script -qec "timeout 5 reptyr -s $PID" /dev/null',
    prints: null,
  },
  {
    name: 'perf stat -p',
    package: 'linux-perf',
    use: 'attaches',
    command: 'perf stat -e page-faults:u -p $PID -- sleep 1',
    prints: /page-faults:u/,
  },
  {
    name: 'vgdb',
    package: 'valgrind',
    use: 'attaches',
    command:
      'valgrind --quiet --vgdb=yes --vgdb-prefix=/tmp/vgdb sleep 60 & V=$!; sleep 20; timeout 20 vgdb --vgdb-prefix=/tmp/vgdb --pid=$V v.info scheduler; kill $V',
    prints: /Thread 1/,
  },
  {
    name: 'drgn -p',
    package: 'python3-drgn',
    use: 'attaches',
    command: `echo 'import os
at = int(open("/proc/" + os.environ["PID"] + "/maps").read().split("-")[0], 16)
print(prog.read(at, 4))' >/tmp/read.py; drgn -q -p $PID /tmp/read.py`,
    prints: /^b'\\x7fELF'$/m,
  },
  {
    name: 'Crashpad, in Chromium',
    package: 'chromium-headless-shell',
    use: 'reports a crash',
    program: '/usr/lib/chromium/chrome_crashpad_handler',
    command: `cd /tmp; rm -rf dumps
/usr/lib/chromium/chromium-headless-shell --enable-crash-reporter --crash-dumps-dir=/tmp/dumps --remote-debugging-port=0 \
  --user-data-dir=/tmp/crashing about:blank 2>crashpad.log & CRASHING=$!
until grep -q 'DevTools listening' crashpad.log; do sleep 1; kill -0 $CRASHING || break; done
kill -SEGV $CRASHING; wait $CRASHING; grep third_party/crashpad crashpad.log; head -c 4 dumps/pending/*.dmp`,
    prints: /^MDMP/m,
  },
  {
    name: 'g_on_error_stack_trace() of GLib',
    package: 'libglib2.0-0, gdb',
    use: 'reports a crash',
    program: 'gdb',
    // It ends without writing the rest of a buffer.
    command: `stdbuf -oL /usr/bin/python3 -c 'import ctypes, os, signal
glib = ctypes.CDLL("libglib-2.0.so.0")
signal.signal(signal.SIGSEGV, lambda *_: glib.g_on_error_stack_trace(b"python3"))
os.kill(os.getpid(), signal.SIGSEGV)'`,
    prints: /^#0 /m,
  },
  {
    name: 'systemd-coredump',
    package: 'systemd-coredump',
    use: 'stores a core dump',
    program: 'systemd-socket-activate',
    command: `cd /var/lib/systemd/coredump; sh -c 'kill -SEGV $$'; at=0
until ls core.* 2>/dev/null || [ $at = 60 ]; do sleep 1; at=$((at + 1)); done`,
    prints: /^core\.sh\.1000\./m,
  },
  {
    name: 'chromium --headless',
    package: 'chromium',
    use: 'renders a page in its sandbox',
    command: '"$NODE" "$ROOT/test/watch/browser.mjs"',
    prints: /^6\*7=42$/m,
  },
];

/** What a tool says if the kernel refuses it. */
export const REFUSAL = /Operation not permitted|Permission denied|No permission/i;
