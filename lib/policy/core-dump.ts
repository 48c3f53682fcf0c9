import type { Capability } from '../kernel/capabilities.js';
import type { CoreProcessFacts, Limit } from '../kernel/core-dump-facts.js';
import type { CoreSettings } from '../kernel/core-settings.js';
import type { DirectoryFacts, FileSite, ReceiverSite } from '../kernel/core-site.js';
import type { Dumpable } from '../kernel/dumpable.js';
import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { capableInInitial, holds } from './capable.js';
import { type CoreTemplate, coreTemplate } from './core-name.js';
import { either, equal, type Fact, whichever } from './fact.js';
import type { Outcome } from './verdict.js';

/** Each thing that can keep a process from leaving a core. */
export type CoreRuleId =
  | 'no-such-process'
  | 'kernel-thread'
  | 'zombie'
  | 'exiting'
  | 'no-support'
  | 'dumpable'
  | 'core-pattern'
  | 'core-limit'
  | 'safe-path'
  | 'directory'
  | 'existing-file'
  | 'file-size-limit'
  | 'helper'
  | 'socket';

export interface CoreStep {
  rule: CoreRuleId;
  outcome: Exclude<Outcome, 'allow'>;
  /** With the facts. */
  because: string;
  /** File and function of the kernel. */
  reference: string;
}

/** Everything that the rules look at. */
export interface CoreFacts {
  host: HostFacts;
  settings: CoreSettings;
  /** Null: no process has the pid. */
  target: ProcessFacts | null;
  process: CoreProcessFacts | null;
  /** Of a core file: where it would be written by the process itself, and by one whose dumpable is 2. */
  sites: { user: FileSite | null; root: FileSite | null };
  /** Of a pipe's program, or of a socket. */
  receiver: ReceiverSite | null;
}

export interface CoreVerdict {
  verdict: 'allowed' | 'denied' | 'unknown';
  /** Of a refusal the first rule that surely refuses, of an unknown verdict the first unknown, otherwise the last. */
  decidedBy: CoreRuleId;
  /** In the kernel's order. */
  steps: CoreStep[];
  /** What might refuse without showing from outside, and was taken not to. Of a refusal nothing. */
  unseen: string[];
}

const REFERENCES: Record<CoreRuleId, string> = {
  'no-such-process': 'kernel/pid.c, find_get_task_by_vpid()',
  'kernel-thread': 'kernel/signal.c, ignore_signals()',
  zombie: 'kernel/exit.c, do_exit()',
  exiting: 'fs/coredump.c, zap_threads()',
  'no-support': 'fs/Kconfig.binfmt, COREDUMP',
  dumpable: 'fs/coredump.c, do_coredump(), since 6.17 coredump_skip()',
  'core-pattern': 'fs/coredump.c, format_corename(), since 6.17 coredump_parse()',
  'core-limit': 'fs/coredump.c, do_coredump(), since 6.17 coredump_file() and coredump_pipe()',
  'safe-path': 'fs/coredump.c, do_coredump(), since 6.17 coredump_file()',
  directory: 'fs/coredump.c, filp_open(); fs/namei.c, may_o_create()',
  'existing-file': 'fs/coredump.c, do_unlinkat(); fs/namei.c, may_delete()',
  'file-size-limit': 'fs/read_write.c, generic_write_check_limits()',
  helper: 'kernel/umh.c, call_usermodehelper_exec_async()',
  socket: 'net/unix/af_unix.c, unix_find_bsd()',
};

type Finding = Pick<CoreStep, 'outcome' | 'because'>;

const pass = (because: string): Finding => ({ outcome: 'pass', because });
const deny = (because: string): Finding => ({ outcome: 'deny', because });
const unknown = (because: string): Finding => ({ outcome: 'unknown', because });

/** A process that is there. */
interface Question extends CoreFacts {
  target: ProcessFacts;
  process: CoreProcessFacts;
}

/** With a dumpable of 0 nothing is written: the other two are left. */
type Writing = Exclude<Dumpable, 'disabled'>;

const NUMBERS: Record<Dumpable, number> = { disabled: 0, user: 1, root: 2 };

const limitText = (limit: Limit) => (limit === 'unlimited' ? limit : `${limit}`);

function processState({ target, process }: Question): [CoreRuleId, Finding] {
  const { kind, threads } = target;
  switch (kind) {
    case 'kernel-thread':
      return ['kernel-thread', deny('it is a kernel thread: no signal ends it')];
    case 'zombie':
      return threads !== null && threads > 1
        ? ['zombie', unknown('its first thread has ended: what the others would leave is not seen')]
        : ['zombie', deny('it is a zombie: it has ended, and has no memory any more')];
    case 'exiting':
      return ['exiting', deny('it is about to end')];
    case 'unknown':
      return ['exiting', unknown('nothing of it is seen')];
    case 'user':
      return process.isDumping === true
        ? ['exiting', deny('it has crashed: its core is being written, and there is no second one')]
        : ['exiting', pass('it is alive')];
  }
}

function support({ settings }: Question): Finding {
  if (settings.isSupported === false) return deny('this kernel writes no core dumps (CONFIG_COREDUMP)');
  if (settings.isSupported === null)
    return unknown('/proc/sys/kernel does not show whether this kernel writes core dumps');
  return pass('this kernel writes core dumps');
}

const NOT_DUMPABLE =
  'it opted out, changed its ids, or runs a program that is set-id, has capabilities or may not be read';

function dumpable({ process }: Question): Finding {
  const values = process.dumpable;
  const [only] = values;
  if (only !== undefined && values.length === 1)
    return only === 'disabled'
      ? deny(`its dumpable is 0: ${NOT_DUMPABLE}`)
      : pass(`its dumpable is ${NUMBERS[only]}${only === 'root' ? ', so that root writes its core' : ''}`);
  if (!values.includes('user'))
    return unknown(
      `it is not dumpable (${NOT_DUMPABLE}); whether its dumpable is 0, which leaves no core, or 2, with which root writes it, shows from Linux 6.16 on`,
    );
  return values.includes('disabled')
    ? unknown("its dumpable can't be seen: root owns its files whatever it is; it shows from Linux 6.16 on")
    : pass('its dumpable is 1 or 2');
}

function corePattern(template: CoreTemplate, pattern: string | null): Finding {
  const said = `core_pattern is ${JSON.stringify(pattern)}`;
  switch (template.kind) {
    case 'unusable':
      return deny(template.why);
    case 'unknown':
      return unknown(template.why);
    case 'pipe':
      return pass(`${said}: a program of root's reads the core`);
    case 'socket':
      return pass(`${said}: the core goes to the socket there`);
    case 'file': {
      const longest = Math.max(...template.path.split('/').map(part => Buffer.byteLength(part)));
      return longest > 255
        ? deny(`${said}: that makes a file name of ${longest} bytes, and 255 is the most`)
        : pass(`${said}: a file`);
    }
  }
}

function coreLimit(template: CoreTemplate, { process, settings }: Question): Finding {
  const soft = process.limit?.soft;
  if (template.kind === 'socket') return pass('a socket gets the core whatever RLIMIT_CORE is');
  if (soft === undefined) return unknown("its RLIMIT_CORE isn't seen");
  if (template.kind === 'pipe')
    return soft === 1
      ? deny('its RLIMIT_CORE is 1, by which the kernel knows a core that is not for a pipe')
      : pass(`its RLIMIT_CORE is ${limitText(soft)}, and a pipe gets the whole core unless it is 1`);
  return soft !== 'unlimited' && soft < settings.smallestLimit
    ? deny(`its RLIMIT_CORE is ${soft}, and below ${settings.smallestLimit} no core file is written`)
    : pass(`its RLIMIT_CORE is ${limitText(soft)}`);
}

function safePath(dumpable: Writing, path: string): Finding {
  if (dumpable === 'user') return pass('its dumpable is 1: a relative path will do');
  return path.startsWith('/')
    ? pass('its dumpable is 2, and the path is absolute')
    : deny(`its dumpable is 2, which takes an absolute path, and core_pattern gives ${JSON.stringify(path)}`);
}

/** As whom the file is made. */
interface Writer {
  uid: number | null;
  gid: number | null;
  groups: readonly number[] | null;
}

const writerOf = ({ target, process }: Question, dumpable: Writing): Writer => ({
  uid: dumpable === 'root' ? 0 : target.uids.fs,
  gid: target.gids.fs,
  groups: process.groups,
});

/** In another user namespace than the initial one it reaches only over the ids of that one. */
function has({ target, host }: Question, capability: Capability): Fact {
  const held = holds(target.capEffective, capability);
  if (held !== true) return held;
  return capableInInitial(target, capability, host.userNsParents) === true ? true : null;
}

function isMember(gid: number, writer: Writer): Fact {
  const supplementary = writer.groups === null ? null : writer.groups.includes(gid);
  return either(equal(gid, writer.gid), supplementary);
}

const SEARCH = 1;
const WRITE = 2;

/** By its mode alone. Kernel: fs/namei.c, acl_permission_check() */
function modeAllows({ uid, gid, mode }: DirectoryFacts, writer: Writer, wanted: number): Fact {
  const allows = (shift: number) => ((mode >> shift) & wanted) === wanted;
  const isOwner = equal(uid, writer.uid);
  if (isOwner === true) return allows(6);
  const member = isMember(gid, writer);
  return whichever([
    ...(isOwner === null ? [allows(6)] : []),
    ...(member === false ? [] : [allows(3)]),
    ...(member === true ? [] : [allows(0)]),
  ]);
}

function mayUse(question: Question, directory: DirectoryFacts, writer: Writer, wanted: number): Fact {
  const byMode = modeAllows(directory, writer, wanted);
  if (byMode === true) return true;
  const searching = wanted === SEARCH ? has(question, 'CAP_DAC_READ_SEARCH') : false;
  return either(byMode, either(has(question, 'CAP_DAC_OVERRIDE'), searching));
}

const octal = (mode: number) => mode.toString(8);

const described = ({ path, uid, gid, mode }: DirectoryFacts) =>
  `${path} (mode ${octal(mode)}, owner ${uid}, group ${gid})`;

function directory(question: Question, dumpable: Writing, site: FileSite): Finding {
  const writer = writerOf(question, dumpable);
  const who = `uid ${writer.uid ?? '?'}`;
  if (site.missing !== null) return deny(`there is no directory ${site.missing}`);
  const last = site.directories?.at(-1);
  if (site.directories === null || last === undefined) return unknown("the directory of the core isn't seen");
  if (site.isReadOnly === true) return deny(`${last.path} is read-only`);
  if (site.keepsOwners === false)
    return unknown(
      `the file system of ${last.path} may not keep who owns a file, and then no core is written`,
    );
  const found = site.directories.map(each => {
    const wanted = each === last ? SEARCH | WRITE : SEARCH;
    return { each, verb: each === last ? 'write' : 'search', may: mayUse(question, each, writer, wanted) };
  });
  const refused = found.find(({ may }) => may === false);
  if (refused !== undefined) return deny(`${who} may not ${refused.verb} in ${described(refused.each)}`);
  const unseen = found.find(({ may }) => may === null);
  if (unseen !== undefined)
    return unknown(`whether ${who} may ${unseen.verb} in ${described(unseen.each)} isn't seen`);
  return site.isReadOnly === null
    ? unknown(`whether ${last.path} is mounted read-only isn't seen`)
    : pass(`${who} may write in ${described(last)}`);
}

const STICKY = 0o1000;

/** In a directory like /tmp only the owner of a file, or of the directory, removes it: fs/namei.c, __check_sticky(). */
function mayRemove(question: Question, writer: Writer, site: FileSite, owner: number): Fact {
  const last = site.directories?.at(-1);
  if (last === undefined) return null;
  if ((last.mode & STICKY) === 0) return true;
  return either(either(equal(owner, writer.uid), equal(last.uid, writer.uid)), has(question, 'CAP_FOWNER'));
}

function existingFile(question: Question, dumpable: Writing, site: FileSite, path: string): Finding {
  const { existing } = site;
  if (existing === 'unseen') return unknown(`whether there is a ${path} already isn't seen`);
  if (existing === null) return pass(`there is no ${path} yet`);
  if (existing.kind === 'directory') return deny(`${path} is a directory`);
  if (dumpable === 'root') return deny(`there is a ${path} already, which a dumpable of 2 never replaces`);
  const may = mayRemove(question, writerOf(question, dumpable), site, existing.uid);
  if (may === null) return unknown(`there is a ${path} already: whether it may be replaced isn't seen`);
  return may
    ? pass(`there is a ${path} already, which is replaced`)
    : deny(`there is a ${path} already, of uid ${existing.uid}, in a sticky directory: it can't be replaced`);
}

function fileSizeLimit({ process: { fileSizeLimit: limit } }: Question): Finding {
  if (limit === null) return unknown("its RLIMIT_FSIZE isn't seen");
  return limit === 0
    ? deny('its RLIMIT_FSIZE is 0: the core file is made, and stays empty')
    : pass(`its RLIMIT_FSIZE is ${limitText(limit)}`);
}

const RECEIVERS: Record<ReceiverSite, (path: string, isPipe: boolean) => Finding> = {
  ready: (path, isPipe) => pass(isPipe ? `${path} can be executed` : `somebody listens at ${path}`),
  missing: path => deny(`there is no ${path} in the initial mount namespace`),
  unusable: (path, isPipe) => deny(isPipe ? `${path} is no program` : `${path} is no socket`),
  unseen: (path, isPipe) =>
    unknown(
      isPipe
        ? `whether ${path} is there, in the initial mount namespace, isn't seen`
        : `whether somebody listens at ${path} isn't seen`,
    ),
};

/** One finding for all that it may be. */
function forEach(values: readonly Writing[], find: (dumpable: Writing) => Finding): Finding {
  const findings = values.map(find);
  const [first] = findings;
  if (first === undefined) return unknown('');
  if (findings.every(({ outcome }) => outcome === first.outcome)) return first;
  return unknown(
    findings.map(({ because }, at) => `${because} (dumpable ${NUMBERS[values[at] ?? 'user']})`).join('; '),
  );
}

/** What it may be if it leaves a core; where it surely leaves none, what it would be if it opted in. */
function writingsOf({ dumpable: values }: CoreProcessFacts): readonly Writing[] {
  const writing = values.filter(value => value !== 'disabled');
  return writing.length > 0 ? writing : ['user'];
}

/** Where each would have the core go; of a pipe and a socket they are the same. */
const templateFor = ({ settings, process }: Question, dumpable: Writing): CoreTemplate =>
  coreTemplate(settings, process, dumpable);

function fileRules(question: Question, writings: readonly Writing[]): [CoreRuleId, Finding][] {
  const pathFor = (dumpable: Writing): string => {
    const template = templateFor(question, dumpable);
    return template.kind === 'file' ? template.path : '';
  };
  const safe = forEach(writings, each => safePath(each, pathFor(each)));
  const allowed = writings.filter(each => safePath(each, pathFor(each)).outcome === 'pass');
  const unseenSite: FileSite = {
    directories: null,
    missing: null,
    isReadOnly: null,
    keepsOwners: null,
    existing: 'unseen',
  };
  const siteFor = (dumpable: Writing) => question.sites[dumpable] ?? unseenSite;
  const inPlace: [CoreRuleId, Finding][] =
    allowed.length === 0
      ? []
      : [
          ['directory', forEach(allowed, each => directory(question, each, siteFor(each)))],
          [
            'existing-file',
            forEach(allowed, each => existingFile(question, each, siteFor(each), pathFor(each))),
          ],
        ];
  return [['safe-path', safe], ...inPlace, ['file-size-limit', fileSizeLimit(question)]];
}

function placeRules(question: Question, template: CoreTemplate): [CoreRuleId, Finding][] {
  const receiver = RECEIVERS[question.receiver ?? 'unseen'];
  switch (template.kind) {
    case 'file':
      return fileRules(question, writingsOf(question.process));
    case 'pipe':
      return [['helper', receiver(template.program, true)]];
    case 'socket':
      return [['socket', receiver(template.path, false)]];
    default:
      return [];
  }
}

/** Where a core of this process goes; null of one that isn't there. */
export function templateOf({
  settings,
  process,
}: Pick<CoreFacts, 'settings' | 'process'>): CoreTemplate | null {
  if (process === null) return null;
  const [writing = 'user'] = writingsOf(process);
  return coreTemplate(settings, process, writing);
}

/** Modules that can keep a process from making a file, as far as no label says that they don't. */
const MODULES = ['landlock', 'bpf', 'apparmor', 'selinux', 'smack'];

function unseenOf({ host, target }: Question, template: CoreTemplate): string[] {
  if (template.kind !== 'file') return template.kind === 'pipe' ? ['helper'] : ['server'];
  const mayBeActive = (name: string) =>
    host.lsms !== null ? host.lsms.includes(name) : !host.lsmsRuledOut.includes(name);
  const isConfined = (name: string) => name !== 'apparmor' || target.lsmLabel !== 'unconfined';
  return ['posix-acl', 'file-system', ...MODULES.filter(name => mayBeActive(name) && isConfined(name))];
}

const step = (rule: CoreRuleId, finding: Finding): CoreStep => ({
  rule,
  ...finding,
  reference: REFERENCES[rule],
});

/** Of a process that can't crash any more the rest is of no interest. */
const isOver = ({ outcome, rule }: CoreStep) =>
  outcome === 'deny' && ['kernel-thread', 'zombie', 'exiting', 'no-support'].includes(rule);

function stepsOf(question: Question, template: CoreTemplate): CoreStep[] {
  const first = [step(...processState(question)), step('no-support', support(question))];
  const end = first.findIndex(isOver);
  if (end >= 0) return first.slice(0, end + 1);
  const pattern = step('core-pattern', corePattern(template, question.settings.pattern));
  const rest =
    template.kind === 'unusable' || template.kind === 'unknown'
      ? []
      : [
          step('core-limit', coreLimit(template, question)),
          ...placeRules(question, template).map(([rule, finding]) => step(rule, finding)),
        ];
  return [...first, step('dumpable', dumpable(question)), pattern, ...rest];
}

/**
 * Whether a process leaves a core if a signal like SIGSEGV ends it now, rule by rule. Pure.
 *
 * Kernel: fs/coredump.c, do_coredump(), since 6.17 vfs_coredump()
 */
export function checkCoreDump(facts: CoreFacts): CoreVerdict {
  const { target, process } = facts;
  if (target === null || process === null) {
    const rule = 'no-such-process';
    return {
      verdict: 'denied',
      decidedBy: rule,
      steps: [step(rule, deny('no process has this pid'))],
      unseen: [],
    };
  }
  const question: Question = { ...facts, target, process };
  const template = templateFor(question, writingsOf(process)[0] ?? 'user');
  const steps = stepsOf(question, template);
  const refusing = steps.find(({ outcome }) => outcome === 'deny');
  if (refusing !== undefined) return { verdict: 'denied', decidedBy: refusing.rule, steps, unseen: [] };
  const unseen = unseenOf(question, template);
  const open = steps.find(({ outcome }) => outcome === 'unknown');
  const last = steps.at(-1)?.rule ?? 'dumpable';
  return open === undefined
    ? { verdict: 'allowed', decidedBy: last, steps, unseen }
    : { verdict: 'unknown', decidedBy: open.rule, steps, unseen };
}
