// @ts-check
// test/trees/recorded: the real answers, and the distilled trees, which `npm test` plants. A text is kept once, by its number in
// `texts`; a tree is kept as its differences from the tree of its packages that came first.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./distil.mjs').Distilled} Distilled */
/** @typedef {{ state: string, real: import('./boot.mjs').Boot, ours: import('./judge.mjs').Ours & { milliseconds: number }, others?: Others }} Answer */
/** @typedef {import('./others.mjs').Asked & { versions: string[] }} Others */
/** @typedef {{ answers: Record<string, Answer>, distilled: Record<string, Distilled> }} Recorded */
/** @typedef {{ of: string | null, entries: Record<string, string | number | null> }} Kept a number is a text; null: not there */

const DIRECTORY = join(import.meta.dirname, '..', '..', 'test', 'trees', 'recorded');
const ANSWERS = join(DIRECTORY, 'answers.json');
const DISTILLED = join(DIRECTORY, 'distilled.json');

/** @returns {Recorded} */
export function readRecorded() {
  if (!existsSync(ANSWERS)) return { answers: {}, distilled: {} };
  /** @type {{ texts: string[], trees: Record<string, Kept> }} */
  const { texts, trees } = JSON.parse(readFileSync(DISTILLED, 'utf8'));
  /** @type {Record<string, Distilled>} */
  const distilled = {};
  for (const [name, { of, entries }] of Object.entries(trees)) {
    const whole = { ...(of === null ? {} : distilled[of]) };
    for (const [path, entry] of Object.entries(entries)) {
      if (entry === null) delete whole[path];
      else whole[path] = typeof entry === 'number' ? (texts[entry] ?? '') : entry;
    }
    distilled[name] = whole;
  }
  return { answers: JSON.parse(readFileSync(ANSWERS, 'utf8')), distilled };
}

/** @param {string} entry */
const isText = entry => entry.startsWith('-') && !entry.startsWith('-> ');

/** @param {Recorded} recorded @param {(name: string) => string} layerOf the packages of a tree */
export function writeRecorded({ answers, distilled }, layerOf) {
  /** @type {Map<string, number>} */
  const texts = new Map();
  /** @param {string} entry */
  const kept = entry => {
    if (!isText(entry) && !entry.startsWith('x')) return entry;
    if (!texts.has(entry)) texts.set(entry, texts.size);
    return texts.get(entry) ?? 0;
  };
  /** @type {Record<string, Kept>} */
  const trees = {};
  /** @type {Map<string, string>} */
  const first = new Map();
  for (const [name, whole] of Object.entries(distilled).filter(([each]) => answers[each] !== undefined)) {
    const layer = layerOf(name);
    const of = first.get(layer) ?? null;
    if (of === null) first.set(layer, name);
    const before = of === null ? {} : (distilled[of] ?? {});
    /** @type {Kept['entries']} */
    const entries = {};
    for (const path of Object.keys(before)) if (whole[path] === undefined) entries[path] = null;
    for (const [path, entry] of Object.entries(whole))
      if (before[path] !== entry) entries[path] = kept(entry);
    trees[name] = { of, entries };
  }
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(ANSWERS, `${JSON.stringify(answers, null, 1)}\n`);
  writeFileSync(DISTILLED, `${JSON.stringify({ texts: [...texts.keys()], trees }, null, 1)}\n`);
}
