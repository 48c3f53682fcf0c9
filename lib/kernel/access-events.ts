import { existsSync } from 'node:fs';
import { errnoName, SyscallError, TracegateError } from '../errors.js';
import { type NativeEvents, native } from './native.js';
import { linkOf, textOf } from './proc-files.js';

/** A thread at the moment of the event. Null: the thread had gone before it could be read. */
export interface Task {
  pid: number;
  tid: number;
  /** Of the process, in clock ticks since boot: field 22 of /proc/PID/stat. */
  startTime: number | null;
  /** The thread's name. */
  comm: string | null;
  /** The effective uid. */
  uid: number | null;
}

/** native/watch/access_event.h, Way. The place is the number. */
const WAYS = [
  'attach',
  'seize',
  'traceme',
  'process_vm_readv',
  'process_vm_writev',
  'mem',
  'pidfd_getfd',
  'kcmp',
  'perf_event_open',
  'read',
  'other',
] as const;

/** `read`: a file of /proc that demands the right to read, such as environ or maps. */
export type Way = (typeof WAYS)[number];

export type AccessEvent =
  | {
      kind: 'access';
      /** Milliseconds since the epoch, with a fraction. */
      time: number;
      tracer: Task;
      target: Task;
      /** PTRACE_MODE_* bits: include/linux/ptrace.h. */
      mode: number;
      way: Way;
      /** What the tracing rules decided. */
      decision: 'allowed' | 'refused';
      /** What the call returned, such as EPERM. Null: the call succeeded. Where the source doesn't see the call's end, what the decision means. */
      error: string | null;
      /** Whether Yama takes the target for a descendant of the tracer: task_is_descendant(), at the decision. Null: the source can't tell. */
      isDescendant: boolean | null;
      /** The tracer's effective capabilities at the decision, 16 hexadecimal digits. Null: the source can't tell. */
      tracerCapEffective: string | null;
      /** Whether both are in one user namespace. Null: the source can't tell. */
      sharesUserNs: boolean | null;
    }
  /**
   * An attach is over, by a detach or by the end of tracer or target. By BPF also that of an attach without an access: a child
   * that the tracer got by PTRACE_O_TRACEFORK, or an attach from before the start.
   */
  | { kind: 'end'; time: number; tracer: Task; target: Task }
  /** PR_SET_PTRACER. Null: the process was named by its number in another pid namespace. */
  | { kind: 'declaration'; time: number; process: Task; tracer: number | 'any' | 'none' | null }
  /** The kernel's buffer was full. Null: it is not known how many events were lost. */
  | { kind: 'lost'; time: number; count: number | null };

export type AccessSourceName = 'bpf' | 'process-connector';

export interface AccessSource {
  name: AccessSourceName;
  /** What the source can't see, in words; and before it, why a better source can't be used. */
  blind: readonly string[];
  /** For one reader. Ends by close(). */
  events: AsyncIterable<AccessEvent>;
  /** Whether there is an event for each declaration by PR_SET_PTRACER. */
  seesDeclarations: boolean;
  /** From now on the source doesn't keep this process alive. */
  unref(): void;
  close(): void;
}

export interface AccessSourceOptions {
  /** Also report each `read`. */
  reads?: boolean;
  /** Report accesses to this process alone. */
  pid?: number;
  /** The sources to try, in their order. The default is all, the best first. */
  sources?: readonly AccessSourceName[];
}

interface Opener {
  seesDeclarations: boolean;
  blind: readonly string[];
  open(options: AccessSourceOptions, ready: () => void): NativeEvents | number;
  whyNot(code: string): string;
}

type Columns = Record<string, number>;

const taskFrom = (row: Float64Array, columns: Columns, of: 'tracer' | 'target', name: string): Task => {
  const number = (column: string) => row[columns[`${of}${column}`] ?? -1] ?? -1;
  const orNull = (value: number) => (value < 0 ? null : value);
  const uid = orNull(number('Uid'));
  return {
    pid: number('Pid'),
    tid: number('Tid'),
    startTime: orNull(number('StartTime')),
    comm: uid === null ? null : name,
    uid,
  };
};

const maskFrom = (capabilities: number) =>
  capabilities < 0 ? null : capabilities.toString(16).padStart(16, '0');

/** native/watch/access_event.h, kDeclaresNobody, kDeclaresAny, kDeclaresUnknown. */
const DECLARED: ReadonlyMap<number, 'none' | 'any' | null> = new Map([
  [0, 'none' as const],
  [-1, 'any' as const],
  [-2, null],
]);

function eventFrom(row: Float64Array, columns: Columns, names: readonly string[]): AccessEvent {
  const number = (column: string) => row[columns[column] ?? -1] ?? 0;
  const time = number('time');
  const task = (of: 'tracer' | 'target') => taskFrom(row, columns, of, names[of === 'tracer' ? 0 : 1] ?? '');
  const answer = (column: string) => (number(column) < 0 ? null : number(column) === 1);
  switch (number('kind')) {
    case 0: {
      const error = number('error');
      return {
        kind: 'access',
        time,
        tracer: task('tracer'),
        target: task('target'),
        mode: number('mode'),
        way: WAYS[number('way')] ?? 'other',
        decision: number('decision') === 0 ? 'allowed' : 'refused',
        error: error === 0 ? null : errnoName(error),
        isDescendant: answer('isDescendant'),
        tracerCapEffective: maskFrom(number('tracerCapabilities')),
        sharesUserNs: answer('sharesUserNs'),
      };
    }
    case 1:
      return { kind: 'end', time, tracer: task('tracer'), target: task('target') };
    case 2: {
      const declared = number('tracerPid');
      const word = DECLARED.get(declared);
      return {
        kind: 'declaration',
        time,
        process: task('target'),
        tracer: word === undefined ? declared : word,
      };
    }
    default: {
      const lost = number('lost');
      return { kind: 'lost', time, count: lost < 0 ? null : lost };
    }
  }
}

/** The events of an addon's source, in their order. */
class Events implements AsyncIterable<AccessEvent> {
  readonly #source: NativeEvents;
  readonly #columns: Columns;
  #isOver = false;
  /** Whether there may be something to take. */
  #isReady = false;
  #wake: () => void = () => {};

  /** @throws SyscallError if the source can't be opened */
  constructor(request: string, open: (ready: () => void) => NativeEvents | number) {
    const source = open(() => this.#beReady());
    if (typeof source === 'number') throw new SyscallError(source, { syscall: 'open', request });
    this.#source = source;
    this.#columns = Object.fromEntries(
      native()
        .accessEventColumns()
        .map((name, place) => [name, place]),
    );
  }

  #beReady() {
    this.#isReady = true;
    this.#wake();
  }

  #take(): AccessEvent[] {
    this.#isReady = false;
    const taken = this.#source.take();
    if (typeof taken === 'number')
      throw new SyscallError(taken, { syscall: 'read', request: 'access events' });
    const width = Object.keys(this.#columns).length;
    // The source tells once that there is something, and its own end comes after the last events.
    this.#isReady = taken.rows.length > 0;
    return Array.from({ length: taken.rows.length / width }, (_, at) =>
      eventFrom(
        taken.rows.subarray(at * width, (at + 1) * width),
        this.#columns,
        taken.names.slice(2 * at, 2 * at + 2),
      ),
    );
  }

  async *[Symbol.asyncIterator]() {
    try {
      while (!this.#isOver) {
        if (this.#isReady) yield* this.#take();
        else
          await new Promise<void>(resolve => {
            this.#wake = resolve;
          });
      }
    } finally {
      this.close();
    }
  }

  unref() {
    this.#source.unref();
  }

  close() {
    this.#isOver = true;
    this.#source.close();
    this.#wake();
  }
}

const INITIAL_PID_NS = 'pid:[4026531836]';

/** include/uapi/linux/capability.h */
const CAP_SYS_ADMIN = 21;
const CAP_PERFMON = 38;
const CAP_BPF = 39;

const BTF = '/sys/kernel/btf/vmlinux';
const LOCKDOWN = '/sys/kernel/security/lockdown';

/** kernel/bpf/syscall.c, bpf_prog_load() and bpf_token_capable(): CAP_SYS_ADMIN includes the other two. */
function mayUseBpf(): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(textOf('/proc/self/status') ?? '')?.[1] ?? '0'}`);
  const has = (capability: number) => (effective & (1n << BigInt(capability))) !== 0n;
  return has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
}

function whyNoBpf(code: string): string {
  if (code === 'EXDEV')
    return 'this process is in a pid namespace of its own, such as that of a container, and the pids that the kernel reports would name other processes in it';
  if (code === 'ENOSYS') return 'this kernel has no BPF (CONFIG_BPF_SYSCALL)';
  // With one of both capabilities the kernel refuses the program by another errno.
  if (!mayUseBpf()) return `it needs root, or CAP_BPF and CAP_PERFMON (${code})`;
  if (!existsSync(BTF))
    return `this kernel doesn't describe its types: there is no ${BTF} (CONFIG_DEBUG_INFO_BTF)`;
  const [, lockdown] = /\[(\w+)\]/.exec(textOf(LOCKDOWN) ?? '') ?? [];
  // The programs read the kernel's memory: include/linux/security.h, LOCKDOWN_BPF_READ_KERNEL.
  if (lockdown === 'confidentiality') return `the kernel is locked down for confidentiality (${code})`;
  if (code === 'EPERM') {
    const seen = lockdown === undefined ? `${LOCKDOWN} can't be read` : `lockdown is ${lockdown}`;
    return `the kernel refuses programs that trace its functions, although this process has the capabilities for them: lockdown or a security module does that (EPERM; ${seen})`;
  }
  if (code === ENOTSUPP) return 'this kernel cannot trace its functions by BPF on this CPU';
  return `this kernel can't load the program (${code}): before Linux 5.17 none can, and later ones lack a function that the program traces`;
}

/** include/linux/errno.h: no errno of the C library. */
const ENOTSUPP = 'errno 524';

const bpf: Opener = {
  seesDeclarations: true,
  blind: [
    'attempts that fail before the tracing rules: by the mode of a file of /proc, by a seccomp filter, or by kernel.perf_event_paranoid',
    'accesses that no tracing rule decides: perf_event_open with CAP_PERFMON, and the children of a traced process that its tracer gets too',
    'an opening of /proc/PID/mem by io_uring is shown as other',
    'what the watching process itself reads',
    'the beginning of an attach from before the start: its end alone is shown',
  ],
  open: ({ pid, reads }, ready) => native().bpfEvents(pid ?? 0, ready, reads ?? false),
  whyNot: whyNoBpf,
};

function whyNoConnector(code: string): string {
  if (code === 'EPERM') return 'before Linux 6.6 it needs root, or CAP_NET_ADMIN (EPERM)';
  if (code === 'ECONNREFUSED')
    return 'this process is in a network namespace of its own, such as that of a container (ECONNREFUSED)';
  if (code === 'EPROTONOSUPPORT') return 'this kernel has no connector (CONFIG_CONNECTOR)';
  if (code !== 'ENODATA') return `the kernel refuses its socket (${code})`;
  return linkOf('/proc/self/ns/pid') === INITIAL_PID_NS
    ? 'this kernel has no process events (CONFIG_PROC_EVENTS), or this process is in a user namespace of its own'
    : 'this process is in a pid namespace of its own, such as that of a container';
}

const connector: Opener = {
  seesDeclarations: false,
  blind: [
    'refused attempts',
    'PTRACE_TRACEME',
    'process_vm_readv and process_vm_writev',
    'opening of /proc/PID/mem and of other files of /proc',
    'pidfd_getfd, kcmp and perf_event_open',
    'whether an attach is by PTRACE_ATTACH or by PTRACE_SEIZE: both are shown as attach',
    'declarations by PR_SET_PTRACER',
    'attaches from before the start, and their ends',
  ],
  open: ({ pid }, ready) => native().connectorEvents(pid ?? 0, ready),
  whyNot: whyNoConnector,
};

const OPENERS: Record<AccessSourceName, Opener> = { bpf, 'process-connector': connector };

/**
 * Opens the best source of access events that this kernel and the rights of this process allow. An access of a thread to its own
 * process is decided before any rule, and isn't reported. The source keeps this process alive until close() or unref().
 *
 * @throws TracegateError `ERR_TRACEGATE_CANNOT_WATCH`, with the reason of each source
 */
export function openAccessSource(options: AccessSourceOptions = {}): AccessSource {
  const reasons: string[] = [];
  for (const name of options.sources ?? (['bpf', 'process-connector'] as const)) {
    const { blind, seesDeclarations, open, whyNot } = OPENERS[name];
    try {
      const events = new Events(name, ready => open(options, ready));
      return {
        name,
        blind: [...reasons, ...blind],
        events,
        seesDeclarations,
        unref: () => events.unref(),
        close: () => events.close(),
      };
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      reasons.push(`${name} can't be used: ${whyNot(error.code)}`);
    }
  }
  throw new TracegateError(
    'ERR_TRACEGATE_CANNOT_WATCH',
    `no source of accesses can be opened. ${reasons.join('. ')}.`,
  );
}
