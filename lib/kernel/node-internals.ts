// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node it is any. */
import type { ChildProcess } from 'node:child_process';
import { Server, type Socket } from 'node:net';
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';

// All that tracegate relies on in Node, and that Node's documentation doesn't promise. The C++ part is in native/node.

export interface NodeAssumption {
  /** A sentence that is true of each Node that tracegate supports. */
  rule: string;
  /** The place in Node's sources; `deps/uv` is libuv. */
  source: string;
  /** The file that relies on the rule, itself or by a function of this file. */
  reliedOnBy: string;
}

/**
 * The assumptions by name. test/integration/node-internals.test.ts checks each of them under the Node that runs the tests,
 * and `npm run test:node-versions` under each supported Node.
 */
export const NODE_ASSUMPTIONS = {
  'sigusr1-listener': {
    rule: "a listener of process.on('SIGUSR1') replaces the handler that opens the inspector",
    source: 'lib/internal/process/signal.js, startListeningIfSignal()',
    reliedOnBy: 'lib/deny/inspector.ts',
  },
  'signal-listening': {
    rule: "a listener of a signal has an effect by process' own listener of 'newListener', which a copy of process lacks",
    source: 'lib/internal/bootstrap/switches/is_main_thread.js, startListeningIfSignal()',
    reliedOnBy: 'lib/deny/inspector.ts',
  },
  'inspector-message': {
    rule: "process emits 'internalMessage' with cmd NODE_DEBUG_ENABLED when a signal opens the inspector, and inspector.close() then closes it",
    source: 'src/inspector_agent.cc, NotifyClusterWorkersDebugEnabled()',
    reliedOnBy: 'lib/deny/inspector.ts',
  },
  'inspector-refusal': {
    rule: "the inspector answers a HEAD request with 'WebSockets request was expected'",
    source: 'src/inspector_socket.cc, HttpHandler::CancelHandshake()',
    reliedOnBy: 'lib/deny/listening-inspectors.ts',
  },
  'inspector-thread': {
    rule: 'the thread that opens the inspector at SIGUSR1 blocks every signal',
    source: 'src/inspector_agent.cc, StartDebugSignalHandler()',
    reliedOnBy: 'lib/deny/signal-threads.ts',
  },
  'disable-sigusr1': {
    rule: '--disable-sigusr1 leaves SIGUSR1 blocked, and without it SIGUSR1 is handled',
    source: 'src/inspector_agent.cc, StartDebugSignalHandler(); src/node.cc, PlatformInit()',
    reliedOnBy: 'lib/kernel/node-exposure.ts',
  },
  'more-threads': {
    rule: 'Node has more than one thread, whatever its options',
    source:
      'src/node_platform.cc, WorkerThreadsTaskRunner; src/inspector_agent.cc, StartDebugSignalHandler()',
    reliedOnBy: 'lib/kernel/node-exposure.ts',
  },
  'active-servers': {
    rule: 'process._getActiveHandles() has each listening net.Server of the thread, and no inspector',
    source: 'src/node_process_methods.cc, GetActiveHandles()',
    reliedOnBy: 'lib/deny/listening-inspectors.ts',
  },
  'snapshot-listener': {
    rule: "--heapsnapshot-signal adds a listener of the signal with the name 'doWriteHeapSnapshot'",
    source: 'lib/internal/process/pre_execution.js, initializeHeapSnapshotSignalHandlers()',
    reliedOnBy: 'lib/deny/heap-snapshots.ts',
  },
  'options-in-order': {
    rule: 'Node splits NODE_OPTIONS at blanks outside quotes, and reads it before the command line',
    source: 'src/node_options.cc, ParseNodeOptionsEnvVar(); src/node.cc, InitializeNodeWithArgsInternal()',
    reliedOnBy: 'lib/deny/start-options.ts',
  },
  'socket-descriptor': {
    rule: 'socket._handle.fd is the descriptor of a net.Socket, and is gone or -1 when the socket is closed',
    source: 'src/stream_base.cc, StreamBase::GetFD()',
    reliedOnBy: 'lib/debugger/grant-server.ts',
  },
  'stream-is-socket': {
    rule: "a 'pipe' of spawn() is a UNIX socket in the child",
    source: 'deps/uv/src/unix/process.c, uv__process_init_stdio()',
    reliedOnBy: 'native/launch/hold.cc',
  },
  'streams-may-be-hidden': {
    rule: 'child.stdio is an array that may be shortened, and the child still exits and closes',
    source: 'lib/internal/child_process.js, ChildProcess.prototype.spawn() and flushStdio()',
    reliedOnBy: 'lib/kernel/launcher.ts',
  },
  'no-streams-without-descriptors': {
    rule: "where no descriptor is left, spawn() gives a child without stdio, which emits 'error'",
    source: 'lib/internal/child_process.js, ChildProcess.prototype.spawn()',
    reliedOnBy: 'lib/kernel/helper-process.ts',
  },
  'channel-in-environment': {
    rule: 'spawn() adds NODE_CHANNEL_FD for an IPC channel to the environment that it is given, also to an empty one',
    source: 'lib/internal/child_process.js, ChildProcess.prototype.spawn()',
    reliedOnBy: 'lib/kernel/launcher.ts',
  },
  'signal-handler-symbol': {
    rule: 'Node exports node::RegisterSignalHandler(), by which a SIGSEGV handler leaves the traps of WebAssembly to V8',
    source: 'src/node.h; src/node.cc, RegisterSignalHandler() and TrapWebAssemblyOrContinue()',
    reliedOnBy: 'native/node/signal_handler.cc',
  },
  'own-descriptors': {
    rule: "Node's own descriptors are of anon_inode, pipes to itself, and one /dev/null that libuv keeps in reserve",
    source:
      'deps/uv/src/unix/stream.c, uv__stream_init(); deps/uv/src/unix/signal.c, uv__signal_loop_once_init()',
    reliedOnBy: 'native/node/inheritance.cc',
  },
  'open-files-limit': {
    rule: 'Node raises its soft limit of open files to the hard one',
    source: 'src/node.cc, PlatformInit()',
    reliedOnBy: 'native/node/inheritance.cc',
  },
  'command-line': {
    rule: '/proc/self/cmdline has the words of the command line that process.argv has, as long as no title is set',
    source: 'deps/uv/src/unix/proctitle.c, uv_setup_args()',
    reliedOnBy: 'native/launch/exec.cc',
  },
  'script-of-input': {
    rule: 'a script that Node has read from standard input is process._eval, which is otherwise undefined or a word of execArgv',
    source: 'lib/internal/main/eval_stdin.js; lib/internal/process/pre_execution.js, patchProcessObject()',
    reliedOnBy: 'lib/confine/confine-process.ts',
  },
} as const satisfies Readonly<Record<string, NodeAssumption>>;

/** Bun and Deno have Node's modules and load its addons, and each has an inspector of its own. */
export const isBun = 'bun' in process.versions;
export const isDeno = 'deno' in process.versions;

/**
 * Assumption `signal-listening`: whether a listener of this thread replaces the handler by which SIGUSR1 opens the inspector.
 * A listener of a worker doesn't, nor a listener of the copy of `process` that jest gives to a test. Deno calls a listener
 * beside its own handler. Bun has no such handler, and listens without a 'newListener'.
 */
export const replacesSignalHandler = (): boolean =>
  isMainThread && !isDeno && (isBun || process.listenerCount('newListener') > 0);

/** Assumption `inspector-message`. */
export const INSPECTOR_EVENT = 'internalMessage';

/** Whether the message of an {@link INSPECTOR_EVENT} says that the inspector opens. Node means it for workers of a cluster. */
export const saysInspectorOpens = (message: { cmd?: string } | null): boolean =>
  message?.cmd === 'NODE_DEBUG_ENABLED';

/** Assumption `inspector-refusal`: a part of the answer. An inspector gives it whatever `--inspect-publish-uid` says. */
export const INSPECTOR_REFUSAL = 'WebSockets request was expected';

/** Assumption `active-servers`. An inspector is a server in C++, so none of these is an inspector. */
export function serversOfThread(): Server[] {
  const { _getActiveHandles: handles } = process as { _getActiveHandles?: () => unknown[] };
  return handles?.call(process).filter(handle => handle instanceof Server) ?? [];
}

/** Assumption `snapshot-listener`: whether Node added this listener for `--heapsnapshot-signal`. */
export const writesHeapSnapshot = (listener: (...args: never[]) => unknown): boolean =>
  listener.name === 'doWriteHeapSnapshot';

/** Assumption `socket-descriptor`. The result is -1 if the socket is closed. */
export const descriptorOf = (socket: Socket): number =>
  (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;

/** Assumption `script-of-input`: whether this Node has read its script from standard input. `--import` is loaded after that. */
export function hasReadScript(): boolean {
  const { _eval: script } = process as { _eval?: string };
  return script !== undefined && !process.execArgv.some(word => word.endsWith(script));
}

/** Assumption `no-streams-without-descriptors`. */
export const hasStreams = (child: ChildProcess): boolean => child.stdio !== undefined;

/** Assumption `streams-may-be-hidden`: from this number on, the caller doesn't see the streams. */
export function hideStreams(child: ChildProcess, from: number): void {
  if (hasStreams(child)) (child.stdio as unknown[]).length = from;
}

/** Whether a program is Node, by its name. The first word of a Node's command line names it in any directory. */
export const isNodeProgram = (path: string): boolean => /^node(js)?$/.test(basename(path));
