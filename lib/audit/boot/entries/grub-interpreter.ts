import { posix } from 'node:path';
import { either, exactly, type GrubVariables, type Possible } from './grub-environment.js';
import { type GrubCommand, type GrubWord, grubCommands, plainText } from './grub-script.js';

/** A kernel's command line that a GRUB script can give. */
export interface GrubEntry {
  file: string;
  line: number;
  commandLine: Possible;
}

/** Real menus have a handful of values; more would multiply without end. */
const MOST_TEXTS = 32;
/** Stands for a device, a UUID or a label, which have no blanks. */
const DEVICE = exactly('?');
const UNSET = exactly('');
const KERNEL = /^(?:linux(?:efi|16)?|kernel)$/;
const XEN = /^(?:multiboot2?|xen_hypervisor)$/;
const MODULE = /^(?:module2?|xen_module)$/;
const LOOPS = new Set(['while', 'until', 'for']);
const MENU = new Set(['menuentry', 'submenu']);
const NAME = /^[A-Za-z_]\w*$/;

/** The name under which the value of a variable is kept that nothing sets. Without it such a variable is empty. */
export const OTHERS = '';

/**
 * Runs through a script for all branches and menus: a variable has each value that a branch may give it. Gives the kernel command
 * lines, and the variables at the end of the script.
 *
 * GRUB: grub-core/script/execute.c; lib/cmdline.c, grub_create_loader_cmdline(). Xen: the first module is the kernel of dom0.
 *
 * @param textOf the text of a script by its path, for `source`; null if there is none
 */
export function runGrubScript(
  file: string,
  initial: GrubVariables,
  textOf: (path: string) => string | null,
): { entries: GrubEntry[]; variables: GrubVariables } {
  const entries: GrubEntry[] = [];
  const sourced = new Set<string>();
  const runFile = (path: string, start: GrubVariables): GrubVariables => {
    const text = sourced.has(path) ? null : textOf(path);
    if (text === null) return start;
    sourced.add(path);
    return runBlock(grubCommands(text), start, {
      add: (line, commandLine) => entries.push({ file: path, line, commandLine }),
      source: (name, variables) => runFile(posix.join(posix.dirname(file), posix.basename(name)), variables),
    });
  };
  return { variables: runFile(file, initial), entries };
}

interface Run {
  add(line: number, commandLine: Possible): void;
  source(name: string, variables: GrubVariables): GrubVariables;
}

/** `before`: the variables before the `if` or loop. `ended`: those after the branches that are done; null for none. */
interface Frame {
  before: GrubVariables;
  ended: GrubVariables | null;
  isLoop: boolean;
  hasElse: boolean;
  /** The branch is known not to run. */
  isDead: boolean;
  /** An earlier branch is known to run. */
  isDecided: boolean;
}

function runBlock(commands: readonly GrubCommand[], start: GrubVariables, run: Run): GrubVariables {
  let variables = new Map(start);
  const frames: Frame[] = [];
  const menus: GrubCommand[][] = [];
  let isCondition = false;
  let isXen = false;
  const set = (name: string, value: Possible) => variables.set(name, value);
  const endBranch = (frame: Frame) => {
    if (!frame.isDead) frame.ended = frame.ended === null ? variables : joined(frame.ended, variables);
    variables = new Map(frame.before);
  };

  for (let at = 0; at < commands.length; at++) {
    const { line, words } = commands[at] as GrubCommand;
    const name = plainText(words[0]) ?? '';
    const frame = frames.at(-1);
    if (plainText(words.at(-1)) === '{') {
      const end = blockEnd(commands, at);
      const body = commands.slice(at + 1, end);
      if (MENU.has(name)) menus.push(body);
      else variables = joined(variables, runBlock(body, variables, run));
      at = end;
      continue;
    }
    if (name === 'if' || LOOPS.has(name)) {
      const dead = frame?.isDead ?? false;
      const isLoop = name !== 'if';
      frames.push({ before: variables, ended: null, isLoop, hasElse: false, isDead: dead, isDecided: dead });
      variables = new Map(variables);
      isCondition = name === 'if';
      if (name === 'for') set(plainText(words[1]) ?? '', eachOf(words.slice(3), variables));
      // What one run of the loop leaves, the next one may use.
      if (isLoop)
        for (const { words: inside } of commands.slice(at + 1, loopEnd(commands, at)))
          for (const variable of namesAssigned(inside, variables))
            set(variable, { ...valueIn(variables, variable), unknown: `a loop of GRUB sets $${variable}` });
      continue;
    }
    if (frame !== undefined && (name === 'else' || name === 'elif')) {
      endBranch(frame);
      frame.hasElse ||= name === 'else';
      frame.isDead = frame.isDecided;
      isCondition = name === 'elif' && !frame.isDecided;
      continue;
    }
    if (frame !== undefined && (name === 'fi' || name === 'done')) {
      endBranch(frame);
      if (frame.ended === null || !(frame.hasElse || (frame.isDecided && !frame.isLoop)))
        frame.ended = frame.ended === null ? frame.before : joined(frame.ended, frame.before);
      variables = new Map(frame.ended);
      frames.pop();
      continue;
    }
    if (frame !== undefined && isCondition) {
      isCondition = false;
      const holds = condition(words, variables);
      frame.isDead = holds === false;
      frame.isDecided = holds === true;
    }
    if (frame?.isDead) continue;
    for (const [variable, value] of assigned(words, variables)) set(variable, value);
    const command = commandName(words, variables);
    if (XEN.test(command)) isXen = true;
    const isModule = isXen && MODULE.test(command);
    if (isModule) isXen = false;
    if (words.length > 1 && (isModule || KERNEL.test(command)))
      run.add(line, commandLine(words.slice(2), variables));
    if (name === 'source' || name === '.')
      for (const path of joinedText(words[1] ?? [], variables).texts)
        variables = new Map(run.source(path, variables));
  }
  for (const menu of menus) runBlock(menu, variables, run);
  return variables;
}

/** The index of the `}` that ends the block which begins at `from`. */
function blockEnd(commands: readonly GrubCommand[], from: number): number {
  let depth = 0;
  for (let at = from; at < commands.length; at++) {
    const words = commands[at]?.words ?? [];
    if (plainText(words.at(-1)) === '{') depth++;
    else if (plainText(words[0]) === '}' && --depth === 0) return at;
  }
  return commands.length;
}

/** The index of the `done` of the loop that begins at `from`. */
function loopEnd(commands: readonly GrubCommand[], from: number): number {
  let depth = 0;
  for (let at = from; at < commands.length; at++) {
    const name = plainText(commands[at]?.words[0]) ?? '';
    if (LOOPS.has(name)) depth++;
    else if (name === 'done' && --depth === 0) return at;
  }
  return commands.length;
}

function joined(a: GrubVariables, b: GrubVariables): Map<string, Possible> {
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map(
    [...names].map(name => {
      const [one, other] = [valueIn(a, name), valueIn(b, name)];
      return [name, one === other ? one : either(one, other)];
    }),
  );
}

/** Variables that GRUB sets itself. */
const SET_BY_GRUB = /^(?:root|prefix|cmdpath|\d+|(?:grub|net|pxe|feature|menu)_.*)$/;

/** Answers `[ -z "$NAME" ]` and `[ -n "$NAME" ]`; null if it isn't known. Without quotes an empty variable leaves no argument. */
function condition(words: readonly GrubWord[], variables: GrubVariables): boolean | null {
  const [open, test, word, close] = words;
  if (plainText(open) !== '[' || plainText(close) !== ']') return null;
  const [part, ...rest] = word?.filter(one => !('text' in one && one.text === '')) ?? [];
  if (part === undefined || !('variable' in part) || !part.isQuoted || rest.length > 0) return null;
  if (SET_BY_GRUB.test(part.variable)) return null;
  const value = valueIn(variables, part.variable);
  if (value.unknown !== null) return null;
  const [isEmpty, ...others] = new Set([...value.texts].map(text => text === ''));
  if (others.length > 0 || isEmpty === undefined) return null;
  const operator = plainText(test);
  return operator === '-z' ? isEmpty : operator === '-n' ? !isEmpty : null;
}

/** The variables that a command sets. Of the commands that are not known, each word may name a variable that they set. */
function assigned(words: readonly GrubWord[], variables: GrubVariables): [string, Possible][] {
  const name = plainText(words[0]);
  const [first] = words[0] ?? [];
  if (words.length === 1 && first !== undefined && 'text' in first) {
    const split = assignment(words[0] ?? []);
    return split === null ? [] : [[split.name, split.value(variables)]];
  }
  switch (name) {
    case 'set': {
      const split = assignment(words[1] ?? []);
      return split === null ? [] : [[split.name, split.value(variables)]];
    }
    case 'unset':
      return [[plainText(words[1]) ?? '', UNSET]];
    case 'search':
    case 'probe':
      return setOptions(words).map(variable => [variable, DEVICE]);
    case 'gptprio.next':
      return words.slice(1).map(word => [plainText(word) ?? '', DEVICE]);
    case 'regexp':
    case 'smbios':
    case 'read':
      return [...setOptions(words), ...words.slice(1).flatMap(word => plainText(word) ?? [])]
        .filter(variable => NAME.test(variable))
        .map(variable => [variable, { texts: new Set(), unknown: `GRUB computes $${variable} at boot` }]);
    default:
      return [];
  }
}

function namesAssigned(words: readonly GrubWord[], variables: GrubVariables): string[] {
  if (plainText(words[0]) === 'for') return [plainText(words[1]) ?? ''];
  return assigned(words, variables).map(([name]) => name);
}

/** `--set=NAME`, `--set=1:NAME`, `--set NAME`, `-s NAME`. */
function setOptions(words: readonly GrubWord[]): string[] {
  return words.flatMap((word, at) => {
    const text = plainText(word) ?? '';
    const named = /^(?:--set|-s)=(?:\d+:)?(.*)$/.exec(text)?.[1];
    if (named !== undefined) return [named];
    return text === '--set' || text === '-s' ? [(plainText(words[at + 1]) ?? '').replace(/^\d+:/, '')] : [];
  });
}

function assignment(word: GrubWord) {
  const [first, ...rest] = word;
  if (first === undefined || !('text' in first)) return null;
  const equals = first.text.indexOf('=');
  const name = first.text.slice(0, equals);
  if (equals < 0 || !NAME.test(name)) return null;
  const parts: GrubWord = [{ text: first.text.slice(equals + 1) }, ...rest];
  return { name, value: (variables: GrubVariables) => firstArgument(parts, variables) };
}

/** A word whose variables are not split at blanks. */
function joinedText(word: GrubWord, variables: GrubVariables): Possible {
  let result = exactly('');
  for (const part of word) {
    const value = 'text' in part ? exactly(part.text) : valueFor(part.variable, variables);
    result = product(result, value, (a, b) => a + b);
  }
  return result;
}

const valueFor = (variable: string, variables: GrubVariables): Possible =>
  variable === 'root' || variable === 'prefix' || variable === 'cmdpath'
    ? DEVICE
    : NAME.test(variable)
      ? valueIn(variables, variable)
      : { texts: new Set(), unknown: `$${variable} is an argument` };

const valueIn = (variables: GrubVariables, name: string): Possible =>
  variables.get(name) ?? variables.get(OTHERS) ?? UNSET;

function product(a: Possible, b: Possible, combine: (a: string, b: string) => string): Possible {
  const texts = new Set([...a.texts].flatMap(one => [...b.texts].map(other => combine(one, other))));
  const unknown =
    a.unknown ?? b.unknown ?? (texts.size > MOST_TEXTS ? 'its variables have many values' : null);
  return { texts: texts.size > MOST_TEXTS ? new Set([...texts].slice(0, MOST_TEXTS)) : texts, unknown };
}

/** The value of `set name=WORD`: what follows a blank of an unquoted variable is another argument. */
function firstArgument(word: GrubWord, variables: GrubVariables): Possible {
  const { texts, unknown } = argumentsOf([word], variables, text => text);
  return { texts: new Set([...texts].map(text => argumentsIn(text)[0] ?? '')), unknown };
}

/** The arguments that a loop takes one after the other. */
function eachOf(words: readonly GrubWord[], variables: GrubVariables): Possible {
  const { texts, unknown } = argumentsOf(words, variables, text => text);
  return { texts: new Set(['', ...[...texts].flatMap(argumentsIn)]), unknown };
}

/** The name of a command, which may end in a variable: `linux$suf`. */
function commandName(words: readonly GrubWord[], variables: GrubVariables): string {
  const texts = joinedText(words[0] ?? [], variables).texts;
  return [...texts].find(text => KERNEL.test(text)) ?? [...texts][0] ?? '';
}

/** Joins the arguments as GRUB does for the kernel. */
function commandLine(words: readonly GrubWord[], variables: GrubVariables): Possible {
  const { texts, unknown } = argumentsOf(words, variables, escaped);
  const lines = [...texts].map(text =>
    argumentsIn(text)
      .map(argument => (argument.includes(' ') ? `"${argument}"` : argument))
      .join(' '),
  );
  return { texts: new Set(lines), unknown };
}

const SEPARATOR = '\0';
/** Keeps an argument that has no letters: `""`. */
const EMPTY = '\x01';

/** The arguments of a command, each after a SEPARATOR. Blanks separate arguments in an unquoted variable. */
function argumentsOf(
  words: readonly GrubWord[],
  variables: GrubVariables,
  spell: (text: string) => string,
): Possible {
  const append = (line: Possible, more: Possible) => product(line, more, (a, b) => a + b);
  const kept = (text: string) => spell(text) || EMPTY;
  let line = exactly('');
  for (const word of words) {
    line = append(line, exactly(SEPARATOR));
    for (const part of word) {
      if ('text' in part) {
        line = append(line, exactly(kept(part.text)));
        continue;
      }
      const { texts, unknown } = valueFor(part.variable, variables);
      const spelled = [...texts].map(text =>
        part.isQuoted ? kept(text) : spell(text).replace(/[ \t\n]+/g, SEPARATOR),
      );
      line = append(line, { texts: new Set(spelled), unknown });
    }
  }
  return line;
}

const argumentsIn = (text: string) =>
  text
    .split(SEPARATOR)
    .filter(argument => argument !== '')
    .map(argument => argument.replaceAll(EMPTY, ''));

const escaped = (text: string) => text.replace(/\\(?!x[0-9a-fA-F]{2})|["']/g, '\\$&');
