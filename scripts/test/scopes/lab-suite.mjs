// @ts-check
// The scope suite in a lab: builds the suite on this kernel, and gives the lab's command for it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { buildActor } from '../../../test/native/build-actor.mjs';
import { commitSeed } from '../commit-seed.mjs';
import { bundleScopes, suiteNames } from './bundle.mjs';

const root = join(import.meta.dirname, '..', '..', '..');
/** Those of `--kernel`; scripts/test/arm64.mjs runs the suite in arm64. */
const KERNELS = ['uml', 'qemu'];
const isNightly = process.env.TRACEGATE_TIER === 'nightly';
/** Seconds for a scope, which takes a tenth of it: for a kernel that hangs. A file that hangs is ended before that. */
const LIMIT = isNightly ? 14_400 : 2400;

/** gdb, gcore and a browser take minutes where every instruction is translated: uml proves these. */
const LEFT_TO_UML = ['channels.scopes', 'map.scopes'];
/** gdb's starts, a look at every program of the machine, and the start of a system: in QEMU at night only. */
const AT_NIGHT = ['debugger.scopes', 'impact.scopes', 'systemd.scopes'];
/** The first injects x86-64 code, and the arm64 userland has no tmux and no systemd for the others. */
const NOT_ON_ARM64 = ['attack.scopes', 'confine-ways.scopes', 'systemd.scopes'];

/**
 * @typedef {object} LabRun
 * @property {string} kernel `uml`, `arm64` or `qemu-6.1`: the machine, and for QEMU the kernel's release
 * @property {readonly number[]} scopes
 * @property {string} reports a directory: SCOPE.json for each scope, as vitest's JSON reporter writes it
 * @property {readonly string[]} files such as `relations.scopes`
 */

/** Builds the suite, and the programs that it starts. @returns {Promise<string>} the program for `labCommand()` */
export async function buildSuite() {
  const [program] = await Promise.all([bundleScopes(), buildActor()]);
  execFileSync(process.execPath, [join(program, '..', 'prepare.js')], { stdio: 'inherit' });
  return program;
}

/** @param {string} program @param {LabRun} run @returns {string[]} */
export function labCommand(program, { kernel, scopes, reports, files }) {
  const [machine = '', release] = kernel.split('-');
  const which = ['--kernel', machine, ...(release === undefined ? [] : ['--release', release])];
  // Two processors also test races between processors, but slow a guest with translated code down. Only the nightly run has two.
  const cpus = isNightly && machine !== 'uml' ? ['--cpus', '2'] : [];
  const options = [...which, ...cpus, '--scope', scopes.join(','), '--timeout', `${LIMIT}`];
  // QEMU translates code once more, so compiled JavaScript costs more time than it saves.
  const flags = machine === 'uml' ? [] : ['--jitless', '--no-expose-wasm'];
  const env = [`TRACEGATE_ONCE_AT=${scopes[0]}`, `TRACEGATE_SEED=${commitSeed()}`];
  const execPath = machine === 'arm64' ? '/usr/bin/node' : process.execPath;
  const node = ['env', ...env, execPath, ...flags];
  const command = [...node, program, reports, ...files];
  return [join(root, 'scripts', 'lab'), ...options, '--', ...command];
}

/** @param {string} kernel */
function suiteFor(kernel) {
  if (kernel === 'uml') return suiteNames;
  const others = kernel === 'arm64' ? NOT_ON_ARM64 : isNightly ? [] : AT_NIGHT;
  const left = [...LEFT_TO_UML, ...others];
  return suiteNames.filter(name => !left.includes(name));
}

/** Half of what uml has to do, by `npm run bench:tests`. */
const HALF = ['channels.scopes', 'facade.scopes', 'relations.scopes', 'explain.scopes'];

/**
 * Parts the suite into as many guests as have processors of their own: a guest of uml has one CPU, a guest of QEMU two.
 *
 * @param {string} kernel @returns {string[][]} the files of each guest
 */
export function partsOf(kernel) {
  const files = suiteFor(kernel);
  if (kernel !== 'uml') return [files];
  return [files.filter(name => HALF.includes(name)), files.filter(name => !HALF.includes(name))];
}

/** @param {string} text such as `uml` or `qemu-6.12` */
export function isKernel(text) {
  const [machine = '', release = '6.1'] = text.split('-');
  return KERNELS.includes(machine) && /^\d+\.\d+$/.test(release);
}
