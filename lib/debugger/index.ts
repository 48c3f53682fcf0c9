/**
 * Letting one debugger attach to this process for a time: a declared tracer (`PR_SET_PTRACER`) and, where the process is closed,
 * the dumpable flag.
 *
 * @module
 */
export {
  type AllowDebuggerOptions,
  allowDebugger,
  type DebuggerGrant,
  type DebuggerIdentity,
  type GrantEnd,
} from './allow-debugger.js';
export { type Effect, type GrantEffect, grantEffect, type OpeningEffect } from './effect.js';
export type { GrantEvent, GrantRequest, ServeGrantsOptions } from './grant-options.js';
export type { GrantRecord, OperatorRequest, Requester } from './grant-protocol.js';
export { type GrantServer, serveGrants } from './grant-server.js';
export type { DebuggerSpawnOptions } from './held-debugger.js';
export { type CrashHandler, type CrashOptions, onCrash } from './on-crash.js';
export { type DebuggerProcess, type SpawnDebuggerOptions, spawnDebugger } from './spawn-debugger.js';
