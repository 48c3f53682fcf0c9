/** The effect of a Node option that opens the process from its start, or writes its data to a readable file. */
export interface OpeningOption {
  opens: 'inspector' | 'reports' | 'heap-snapshots' | 'diagnostic-files';
  /** The effect of the option, as the end of a sentence about the option. */
  does: string;
}

const INSPECTOR: OpeningOption = { opens: 'inspector', does: 'opens the inspector' };
const REPORTS: OpeningOption = { opens: 'reports', does: 'writes diagnostic reports' };
const SNAPSHOTS: OpeningOption = {
  opens: 'heap-snapshots',
  does: 'writes all strings of the heap to a file',
};
const KEYS: OpeningOption = {
  opens: 'diagnostic-files',
  does: 'writes the keys of TLS sessions to a file',
};
const EVENTS: OpeningOption = {
  opens: 'diagnostic-files',
  does: 'writes the actions of the program to a file, with the names that it uses',
};
const PLACES: OpeningOption = {
  opens: 'diagnostic-files',
  does: 'writes the addresses of its code to a file, which undoes address randomization',
};
const CODE: OpeningOption = {
  opens: 'diagnostic-files',
  does: 'writes compiled code to a file, with the constants in it',
};

/**
 * The options by name, without leading dashes. Other options reveal no value and no address of the running program
 * (`--cpu-prof`, `--heap-prof` and NODE_V8_COVERAGE write names of functions and files), or write only to its standard
 * error.
 *
 * Node: doc/api/cli.md; V8: src/flags/flag-definitions.h, src/logging/log.cc
 */
const OPENING: readonly [RegExp, OpeningOption][] = [
  [/^inspect(-brk(-node)?|-wait)?$/, INSPECTOR],
  [/^report-(on-.+|uncaught-exception)$/, REPORTS],
  [/^(heapsnapshot-(signal|near-heap-limit)|heap-snapshot-on-gc|build-snapshot(-config)?)$/, SNAPSHOTS],
  [/^tls-keylog$/, KEYS],
  [/^trace-event(s-enabled|-categories)$/, EVENTS],
  [/^(perf-(basic-)?prof.*|prof|ll-prof|log|log-.+)$/, PLACES],
  [/^(trace-turbo.*|redirect-code-traces.*|dump-wasm-module)$/, CODE],
];

const openingOptionOf = (name: string): OpeningOption | null =>
  OPENING.find(([names]) => names.test(name))?.[1] ?? null;

/** The options in these words that open something, each with its word. The last word about an option counts. */
export function openingOptions(words: readonly string[]): ({ word: string } & OpeningOption)[] {
  const found = new Map<string, { word: string } & OpeningOption>();
  for (const word of words) {
    // V8 and Node accept an underscore in place of a dash.
    const [, not, name = '', value] = /^--(no-)?([^=]+)=?(.*)$/s.exec(word.replaceAll('_', '-')) ?? [];
    const option = openingOptionOf(name);
    if (option === null) continue;
    found.delete(name);
    const isNone = name === 'heapsnapshot-near-heap-limit' && value === '0';
    if (not === undefined && !isNone) found.set(name, { word, ...option });
  }
  return [...found.values()];
}

/**
 * The words of NODE_OPTIONS.
 *
 * Node: src/node_options.cc, ParseNodeOptionsEnvVar()
 */
export function splitNodeOptions(text: string): string[] {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"?|[^ "])+/gs) ?? [];
  return words.map(word =>
    word.replace(/"((?:\\.|[^"\\])*)"?/gs, (_, quoted: string) => quoted.replace(/\\(.)/gs, '$1')),
  );
}
