/** What a tool loses at a ptrace_scope from which on an ordinary user, or at 3 also root, can't do it. */
export interface Loss {
  /** The lowest scope with this loss. The loss of a higher scope replaces that of a lower one. */
  from: 1 | 2 | 3;
  loses: string;
}

/** A tool that traces. */
export interface TracingTool {
  /** Names of programs. A version may follow, as in `lldb-16` and `python3.12`. */
  programs: readonly string[];
  /** Further directories, for programs that are not on the PATH. `*` stands for one name. */
  directories?: readonly string[];
  losses: readonly Loss[];
  /** Who says so: documentation, a report, or the tool's source. */
  source: string;
}

const YAMA = 'https://docs.kernel.org/admin-guide/LSM/Yama.html';
const OTHERS = 'attaching to a process that it did not start';
const ALL_AS_ROOT = 'attaching, also as root';

/** PTRACE_ATTACH or PTRACE_SEIZE to any process, and PTRACE_TRACEME in a child. */
const DEBUGGER: readonly Loss[] = [
  { from: 1, loses: OTHERS },
  { from: 2, loses: 'attaching to any process, and starting one under it' },
  { from: 3, loses: 'everything, also as root' },
];
/** Attaches only. */
const ATTACHER: readonly Loss[] = [
  { from: 1, loses: OTHERS },
  { from: 2, loses: 'attaching to any process' },
  { from: 3, loses: ALL_AS_ROOT },
];
/** Traces only what it has started. */
const STARTER: readonly Loss[] = [
  { from: 2, loses: 'starting a program under it' },
  { from: 3, loses: 'starting a program under it, also as root' },
];
/** process_vm_readv(2) of other processes, which has the rules of an attach. */
const READER: readonly Loss[] = [
  { from: 1, loses: 'reading a process that it did not start' },
  { from: 2, loses: 'reading any process' },
  { from: 3, loses: 'reading any process, also as root' },
];
/** The target declares its tracer by PR_SET_PTRACER, which counts at 1 alone. */
const declared = (what: string): readonly Loss[] => [
  { from: 2, loses: what },
  { from: 3, loses: `${what}, also as root` },
];

/** Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() and yama_ptrace_traceme() */
export const TRACING_TOOLS: readonly TracingTool[] = [
  { programs: ['gdb', 'gdb-multiarch', 'gdbserver'], losses: DEBUGGER, source: YAMA },
  { programs: ['lldb', 'lldb-server', 'lldb-dap'], losses: DEBUGGER, source: YAMA },
  { programs: ['strace'], losses: DEBUGGER, source: 'https://github.com/strace/strace/pull/404' },
  { programs: ['ltrace'], losses: DEBUGGER, source: YAMA },
  { programs: ['dlv'], losses: DEBUGGER, source: YAMA },
  { programs: ['rr'], losses: STARTER, source: YAMA },
  {
    programs: ['proot'],
    losses: STARTER,
    source: 'https://github.com/proot-me/proot, src/tracee/event.c: launch_process()',
  },
  { programs: ['gcore', 'pstack', 'gstack', 'eu-stack'], losses: ATTACHER, source: YAMA },
  { programs: ['reptyr'], losses: ATTACHER, source: 'https://github.com/nelhage/reptyr/issues/4' },
  {
    programs: ['criu'],
    losses: ATTACHER,
    source: 'https://github.com/checkpoint-restore/criu, compel/src/lib/infect.c: compel_interrupt_task()',
  },
  {
    programs: ['procdump'],
    losses: [
      { from: 1, loses: 'dumping a process by gcore; a .NET process dumps itself' },
      { from: 2, loses: 'dumping a process' },
      { from: 3, loses: 'dumping a process, also as root' },
    ],
    source: 'https://github.com/microsoft/ProcDump-for-Linux/issues/118',
  },
  {
    programs: ['dotnet-dump', 'createdump'],
    directories: [
      '/usr/share/dotnet/shared/Microsoft.NETCore.App/*',
      '/usr/lib/dotnet/shared/Microsoft.NETCore.App/*',
    ],
    losses: declared('dumping a .NET process, also in a crash'),
    source: 'https://github.com/dotnet/docs/pull/31075',
  },
  {
    programs: ['vgdb'],
    losses: declared('interrupting a program under valgrind that is blocked in a system call'),
    source: 'https://sourceware.org/git/valgrind.git, coregrind/m_gdbserver/remote-utils.c: set_ptracer()',
  },
  {
    programs: ['py-spy'],
    losses: READER,
    source: 'https://github.com/benfred/py-spy#when-do-you-need-to-run-as-sudo',
  },
  { programs: ['rbspy'], losses: READER, source: 'https://github.com/rbspy/rbspy/issues/323' },
  { programs: ['phpspy'], losses: READER, source: 'https://github.com/adsr/phpspy/issues/136' },
  {
    programs: ['wine', 'wine64', 'wineserver', 'wine-stable', 'wine-devel'],
    directories: ['/usr/lib/wine', '/opt/wine-stable/bin', '/opt/wine-devel/bin'],
    losses: declared(
      'reading and debugging one Windows process from another, as installers and anti-cheat programs do',
    ),
    source: YAMA,
  },
  {
    programs: ['runsc'],
    losses: [
      { from: 2, loses: 'starting a sandbox with --directfs=false' },
      { from: 3, loses: 'starting any sandbox on the platforms systrap and ptrace' },
    ],
    source: 'https://github.com/google/gvisor/issues/9006, https://github.com/google/gvisor/issues/10495',
  },
  {
    programs: ['lxcfs'],
    losses: [{ from: 3, loses: '/proc of its containers: /proc/PID/personality has the rules of an attach' }],
    source: 'https://github.com/lxc/lxcfs/issues/636',
  },
  {
    programs: ['mpirun', 'mpiexec', 'orterun', 'prterun', 'mpirun.openmpi', 'mpiexec.hydra', 'mpirun.mpich'],
    directories: ['/usr/lib64/openmpi/bin', '/usr/lib64/mpich/bin', '/opt/intel/oneapi/mpi/*/bin'],
    losses: [
      {
        from: 1,
        loses:
          'one copy by process_vm_readv (CMA) between ranks that declare no tracer: such jobs are slower, or fail',
      },
      { from: 2, loses: 'one copy by process_vm_readv (CMA) between ranks: jobs are slower, or fail' },
      {
        from: 3,
        loses: 'one copy by process_vm_readv (CMA) between ranks, also as root: jobs are slower, or fail',
      },
    ],
    source: 'https://github.com/open-mpi/ompi/issues/14160, https://github.com/pmodels/mpich/pull/7654',
  },
  {
    programs: ['ucx_info'],
    losses: [
      { from: 1, loses: 'the transport cma between processes that declare no tracer' },
      { from: 2, loses: 'the transport cma' },
      { from: 3, loses: 'the transport cma, also as root' },
    ],
    source: 'https://github.com/openucx/ucx/issues/3046',
  },
  {
    programs: ['drkonqi'],
    directories: [
      '/usr/libexec',
      '/usr/libexec/kf5',
      '/usr/libexec/kf6',
      '/usr/lib/*/libexec',
      '/usr/lib/*/libexec/kf5',
    ],
    losses: declared('the backtrace of a crashed KDE program, unless systemd-coredump has a core'),
    source: YAMA,
  },
  {
    programs: ['chrome_crashpad_handler', 'crashpad_handler', 'crashreporter', 'crashhelper'],
    directories: [
      '/opt/google/chrome',
      '/opt/*',
      '/usr/lib/chromium',
      '/usr/lib/firefox',
      '/usr/lib/firefox-esr',
      '/usr/lib64/firefox',
      '/usr/lib/thunderbird',
      '/usr/share/*',
    ],
    losses: declared('the minidump of a crashed process (Crashpad, Breakpad)'),
    source: YAMA,
  },
  {
    programs: ['abrt-hook-ccpp'],
    directories: ['/usr/libexec'],
    losses: [
      { from: 3, loses: 'the backtrace that it takes from the crashing process; the core itself stays' },
    ],
    source: 'https://github.com/abrt/abrt, src/hooks/abrt-hook-ccpp.c: create_core_backtrace()',
  },
];

/** Tools that are taken for tracers, and that lose nothing. */
export const UNAFFECTED: Readonly<Record<string, string>> = {
  perf: 'perf_event_open() asks with PTRACE_MODE_READ, which Yama does not restrict: kernel/events/core.c',
  bpftrace:
    'uprobes are perf events, and need CAP_BPF and CAP_PERFMON, not an attach: kernel/trace/trace_uprobe.c',
  apport: 'the kernel pipes the core to it: core_pattern, fs/coredump.c',
  'systemd-coredump': 'the kernel pipes the core to it: core_pattern, fs/coredump.c',
};
