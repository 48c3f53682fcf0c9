// Tools that trace, and how each is used on another program of the same user.
export interface Tool {
  readonly name: string;
  /** The package of Debian. */
  readonly package: string;
  readonly use: 'attaches' | 'starts the program';
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
];

/** What a tool says if the kernel refuses it. */
export const REFUSAL = /Operation not permitted|Permission denied|No permission/i;
