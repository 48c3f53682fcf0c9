import { capabilityNames } from '../../kernel/capabilities.js';
import type { FileCapabilities } from '../../kernel/file-capabilities.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { AfterExec, Hindrance, Program } from './after-exec.js';

/** The rights that a process gains by an exec. Null: not seen. */
export interface ExecGains {
  /** The effective id after the exec; `'same'`: the exec doesn't change the id. */
  uid: number | 'same' | null;
  gid: number | 'same' | null;
  /** The names of the capabilities that become effective. */
  capabilities: string[] | null;
}

const gainedId = (before: number | null, after: number | null): number | 'same' | null =>
  before === null || after === null ? null : before === after ? 'same' : after;

export function execGains({ starter }: Program, { facts }: AfterExec): ExecGains {
  const [before, after] = [starter.capEffective, facts.capEffective];
  return {
    uid: gainedId(starter.uids.effective, facts.uids.effective),
    gid: gainedId(starter.gids.effective, facts.gids.effective),
    capabilities:
      before === null || after === null
        ? null
        : capabilityNames(BigInt(`0x${after}`) & ~BigInt(`0x${before}`)),
  };
}

/** Whether the program would have exactly the rights of its starter. */
export function keepsRights(starter: ProcessFacts, after: ProcessFacts): boolean {
  const rights = ({ uids, gids, capPermitted, capEffective, lsmLabel }: ProcessFacts) =>
    [...Object.values(uids), ...Object.values(gids), capPermitted, capEffective, lsmLabel] as const;
  const [before, now] = [rights(starter), rights(after)];
  return before.every((right, at) => right !== null && right === now[at]);
}

/** The names of capabilities; a long list is shortened. */
function listed(names: readonly string[]): string {
  return names.length <= 4
    ? names.join(', ')
    : `${names.length} capabilities, among them ${names.slice(0, 3).join(', ')}`;
}

const namesIn = (mask: string) => capabilityNames(BigInt(`0x${mask}`));

/** File capabilities as getcap(8) writes them. */
export function capabilityText({ permitted, inheritable, effective }: FileCapabilities): string {
  const sets = new Map<string, string[]>();
  for (const name of new Set([...namesIn(permitted), ...namesIn(inheritable)])) {
    const flags = `${effective ? 'e' : ''}${namesIn(inheritable).includes(name) ? 'i' : ''}${namesIn(permitted).includes(name) ? 'p' : ''}`;
    sets.set(flags, [...(sets.get(flags) ?? []), name.toLowerCase()]);
  }
  const words = [...sets].map(([flags, names]) =>
    names.length > 4 ? `${names.length} capabilities=${flags}` : `${names.join(',')}=${flags}`,
  );
  return words.length === 0 ? 'without a capability in them' : words.join(' ');
}

export function offersText({ file }: Program): string {
  const { path, executes, isSetUid, isSetGid, uid, gid, capabilities } = file;
  const id = (value: typeof uid) => (typeof value === 'number' ? value : "that isn't seen");
  const offered = [
    isSetUid && `is set-uid (uid ${id(uid)})`,
    isSetGid && `is set-gid (gid ${id(gid)})`,
    typeof capabilities === 'object' && `has file capabilities ${capabilityText(capabilities)}`,
    capabilities === 'unknown' && "has file capabilities, or has none: that isn't seen",
  ].filter(text => typeof text === 'string');
  const what = offered.length === 0 ? 'has no set-id bit and no file capabilities' : offered.join(' and ');
  return path === executes
    ? `${path} ${what}`
    : `${path} is a script (programs that it starts are not looked at), its interpreter ${executes} ${what}`;
}

const HINDRANCES: Record<Hindrance, string> = {
  nosuid: 'its mount is nosuid',
  no_new_privs: 'the starter has set no_new_privs',
  traced: 'the starter is traced',
};

function gainsText({ uid, gid, capabilities }: ExecGains): string {
  const gained = [
    typeof uid === 'number' && `the effective uid ${uid}`,
    typeof gid === 'number' && `the effective gid ${gid}`,
    capabilities !== null && capabilities.length > 0 && listed(capabilities),
  ].filter(text => typeof text === 'string');
  const unseen = [
    uid === null && 'which uid',
    gid === null && 'which gid',
    capabilities === null && 'which capabilities',
  ].filter(text => typeof text === 'string');
  const text = gained.length > 0 ? `the exec gives ${gained.join(' and ')}` : 'the exec gives nothing';
  if (unseen.length === 0) return text;
  const missing = `${unseen.join(', ')} the exec gives isn't seen`;
  return gained.length > 0 ? `${text}; ${missing}` : missing;
}

/** What the exec gives and for what reason, or why the exec gives nothing. */
export function execText(program: Program, after: AfterExec): string {
  const hindered = after.hinderedBy.map(hindrance => HINDRANCES[hindrance]).join(' and ');
  const because = hindered === '' ? ': ' : `; as ${hindered}, `;
  return `${offersText(program)}${because}${gainsText(execGains(program, after))}`;
}
