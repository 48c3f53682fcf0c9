/** A piece of a word. The value of a variable outside of double quotes is split at blanks. */
export type GrubPart = { text: string } | { variable: string; isQuoted: boolean };
/** Pieces without a blank between them. */
export type GrubWord = GrubPart[];

export interface GrubCommand {
  /** 1-based. */
  line: number;
  words: GrubWord[];
}

/** These are commands of their own: what follows them begins a command. */
const KEYWORDS = new Set(['if', 'then', 'elif', 'else', 'fi', 'while', 'until', 'do', 'done', '}', '!']);
const VARIABLE = /\$(?:\{([A-Za-z_]\w*|\d+|[?#*@])\}|([A-Za-z_]\w*|\d+|[?#*@]))/y;

/**
 * The commands and keywords of a GRUB script, in order. A block begins with a command whose last word is `{`.
 *
 * GRUB: grub-core/script/yylex.l, parser.y. The rows of test/unit/grub-script.test.ts were given to grub-emu 2.06.
 */
export function grubCommands(script: string): GrubCommand[] {
  const commands: GrubCommand[] = [];
  let words: GrubWord[] = [];
  let word: GrubWord | null = null;
  let [line, begun] = [1, 1];

  const put = (text: string) => {
    word ??= [];
    const last = word.at(-1);
    if (last !== undefined && 'text' in last) last.text += text;
    else word.push({ text });
  };
  const endWord = () => {
    if (word === null) return;
    const [only] = word;
    const plain = word.length === 1 && only !== undefined && 'text' in only ? only.text : null;
    if (words.length === 0) begun = line;
    const isFirst = words.push(word) === 1;
    word = null;
    if (plain === '{' || (isFirst && plain !== null && KEYWORDS.has(plain))) endCommand();
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push({ line: begun, words });
    words = [];
  };
  const variable = (at: number, isQuoted: boolean): number => {
    VARIABLE.lastIndex = at;
    const found = VARIABLE.exec(script);
    if (found === null) {
      put('$');
      return at;
    }
    word ??= [];
    word.push({ variable: found[1] ?? found[2] ?? '', isQuoted });
    return at + found[0].length - 1;
  };

  for (let at = 0; at < script.length; at++) {
    const letter = script[at] ?? '';
    if (letter === '\n' || letter === ';' || letter === '|' || letter === '&') {
      endCommand();
      if (letter === '\n') line++;
    } else if (letter === ' ' || letter === '\t') endWord();
    else if (letter === '#' && word === null) {
      while (at + 1 < script.length && script[at + 1] !== '\n') at++;
    } else if (letter === '\\') {
      const next = script[++at] ?? '';
      if (next === '\n') line++;
      else put(next);
    } else if (letter === "'") {
      const end = script.indexOf("'", at + 1);
      const text = script.slice(at + 1, end < 0 ? undefined : end);
      put(text);
      line += text.split('\n').length - 1;
      at = end < 0 ? script.length : end;
    } else if (letter === '"' || (letter === '$' && script[at + 1] === '"')) {
      if (letter === '$') at++;
      put('');
      for (at++; at < script.length && script[at] !== '"'; at++) {
        const inside = script[at] ?? '';
        if (inside === '\n') line++;
        if (inside === '\\' && /[$"\\\n]/.test(script[at + 1] ?? '')) {
          if (script[++at] !== '\n') put(script[at] ?? '');
          else line++;
        } else if (inside === '$') at = variable(at, true);
        else put(inside);
      }
    } else if (letter === '$') at = variable(at, false);
    else put(letter);
  }
  endCommand();
  return commands;
}

/** The text of a word without variables; null if it has one. */
export const plainText = (word: GrubWord | undefined): string | null =>
  word?.every(part => 'text' in part) ? word.map(part => ('text' in part ? part.text : '')).join('') : null;
