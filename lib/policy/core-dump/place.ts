import type { Capability } from '../../kernel/capabilities.js';
import type { DirectoryFacts, FileSite, ReceiverSite } from '../../kernel/core-site.js';
import { capableInInitial, holds } from '../access/capable.js';
import { either, equal, type Fact, whichever } from '../access/fact.js';
import { type CoreTemplate, coreTemplate } from './name.js';
import {
  deny,
  type Finding,
  fileSizeLimit,
  NUMBERS,
  pass,
  type Question,
  unknown,
  type Writing,
  writingsOf,
} from './rules.js';
import type { CoreRuleId } from './verdict.js';

function safePath(dumpable: Writing, path: string): Finding {
  if (dumpable === 'user') return pass('its dumpable is 1: a relative path will do');
  return path.startsWith('/')
    ? pass('its dumpable is 2, and the path is absolute')
    : deny(`its dumpable is 2, which takes an absolute path, and core_pattern gives ${JSON.stringify(path)}`);
}

/** The credentials of the process that creates the core file. */
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

/** Outside of the initial user namespace a capability counts only for ids that the namespace maps: then unknown. */
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

/** What the mode bits alone allow. Kernel: fs/namei.c, acl_permission_check() */
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
      `the file system of ${last.path} may not store the owner of a file, and then the kernel writes no core`,
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

/**
 * In a sticky directory only its owner, and the owner of a file, may remove the file. Kernel: fs/namei.c,
 * __check_sticky()
 */
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

const RECEIVERS: Record<ReceiverSite, (path: string, isPipe: boolean) => Finding> = {
  ready: (path, isPipe) => pass(isPipe ? `${path} can be executed` : `a process listens at ${path}`),
  missing: path => deny(`there is no ${path} in the initial mount namespace`),
  unusable: (path, isPipe) => deny(isPipe ? `${path} is no program` : `${path} is no socket`),
  unseen: (path, isPipe) =>
    unknown(
      isPipe
        ? `whether ${path} is there, in the initial mount namespace, isn't seen`
        : `whether a process listens at ${path} isn't seen`,
    ),
};

/** One finding for all possible values of dumpable. Where the outcomes differ, the finding is unknown. */
function forEach(values: readonly Writing[], find: (dumpable: Writing) => Finding): Finding {
  const findings = values.map(find);
  const [first] = findings;
  if (first === undefined) return unknown('');
  if (findings.every(({ outcome }) => outcome === first.outcome)) return first;
  return unknown(
    findings.map(({ because }, at) => `${because} (dumpable ${NUMBERS[values[at] ?? 'user']})`).join('; '),
  );
}

/** The destination with this value of dumpable. For a pipe and a socket the value makes no difference. */
export const templateFor = ({ settings, process }: Question, dumpable: Writing): CoreTemplate =>
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

export function placeRules(question: Question, template: CoreTemplate): [CoreRuleId, Finding][] {
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
