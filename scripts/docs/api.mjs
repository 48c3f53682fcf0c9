// npm run docs:api: writes docs/api.md from the types and docstrings of what each entry point of package.json exports. Typedoc
// reads the sources. A docstring has, in this order: what the export does; `Applies to:`; `Kernel:`, the source of its claims;
// @param, @throws, @see, @example. `--json` prints the page and the faults of the docstrings, and writes nothing.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Application, Converter, ReflectionKind, TSConfigReader } from 'typedoc';
import { TypeScriptText } from './typescript-text.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'api.md');

/** @typedef {import('typedoc').DeclarationReflection} Declaration */
/** @typedef {import('typedoc').SignatureReflection} Signature */
/** @typedef {import('typedoc').CommentDisplayPart} Part */
/** @typedef {{ name: string, file: string, module: Declaration }} Entry */

const INTRODUCTION = `# The API

Every export of every entry point, with its types. [library.md](library.md) is the overview, and the
[glossary](glossary.md) has the terms. \`import\` and \`require\` both work.

- A refusal is an answer and not an exception: a function throws only where it could not get the answer.
- **Throws** names the class of the error and its \`code\`. The code is the contract; the message is for people.
  **Rejects with** says the same of a promise.
- **Kernel** is the place in the kernel's source that a claim comes from.
- A comment behind \`console.log(…)\` is what the call prints. A test runs each example.

This page is written by \`npm run docs:api\` from the types and docstrings in lib/. A test compares the two.
`;

/** The entry points of package.json that are modules, with the source of each. */
function entryPoints() {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([path, target]) => ({
      name: join(name, path),
      file: (target.import ?? target).types.replace('./dist/types/', 'lib/').replace(/\.d\.ts$/, '.ts'),
    }));
}

async function readEntries() {
  const entries = entryPoints();
  const app = await Application.bootstrap(
    {
      entryPoints: entries.map(({ file }) => join(ROOT, file)),
      tsconfig: join(ROOT, 'tsconfig.build.json'),
      basePath: ROOT,
      // `npm run check` has the compiler's errors.
      skipErrorChecking: true,
      excludeExternals: true,
      excludeInternal: true,
      excludePrivate: true,
      sort: ['source-order'],
      logLevel: 'None',
    },
    [new TSConfigReader()],
  );
  /** @type {import('typedoc').Context | undefined} */
  let context;
  app.converter.on(Converter.EVENT_RESOLVE_END, each => {
    context = each;
  });
  const project = await app.convert();
  if (project === undefined || context === undefined) throw new Error('typedoc could not read lib/');
  const modules = project.children ?? [];
  const read = entries.map(entry => {
    const module = modules.find(({ sources }) => sources?.[0]?.fullFileName === join(ROOT, entry.file));
    if (module === undefined) throw new Error(`typedoc has no ${entry.file}`);
    return { ...entry, module };
  });
  return { entries: read, context };
}

/** GitHub's anchors: a second heading with the same text gets a number. */
class Anchors {
  #taken = new Map();

  /** @param {string} heading */
  next(heading) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
    const count = this.#taken.get(slug) ?? 0;
    this.#taken.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  }
}

/** @type {Map<ReflectionKind, 'interface' | 'class' | 'type'>} */
const WORDS = new Map([
  [ReflectionKind.Class, 'class'],
  [ReflectionKind.Interface, 'interface'],
  [ReflectionKind.TypeAlias, 'type'],
]);

/** Types of the language, of Node and of its types, which this page doesn't explain. */
const GLOBAL = new Set([
  ...[
    'AbortSignal',
    'AsyncDisposable',
    'AsyncIterable',
    'Date',
    'Disposable',
    'Error',
    'ErrorOptions',
    'Generator',
    'Map',
  ],
  ...[
    'ReadonlyMap',
    'Promise',
    'Exclude',
    'Extract',
    'Omit',
    'Partial',
    'Pick',
    'Record',
    'Required',
    'Symbol',
  ],
  ...['ChildProcess', 'ChildProcessWithoutNullStreams', 'SpawnOptions', 'SpawnOptionsWithoutStdio', 'T', 'R'],
]);

const isFunction = (/** @type {Declaration} */ { kind }) => kind === ReflectionKind.Function;
const isType = (/** @type {Declaration} */ { kind }) =>
  kind === ReflectionKind.Interface || kind === ReflectionKind.TypeAlias;

const byName = (/** @type {Declaration} */ a, /** @type {Declaration} */ b) =>
  a.name.localeCompare(b.name, 'en', { sensitivity: 'base' });

const headingOf = (/** @type {Declaration} */ one) => (isFunction(one) ? `${one.name}()` : one.name);

const plain = (/** @type {readonly Part[]} */ parts) => parts.map(({ text }) => text).join('');

/** Marks files and functions of the kernel as code, where the docstring has them as words. */
const asCode = (/** @type {string} */ text) =>
  text.replace(
    /(`[^`]*`)|((?<![\w/])(?:[\w-]+\/)+[\w-]+\.(?:c|h|rst)|\b\w+\(\))/g,
    (_, code, word) => code ?? `\`${word}\``,
  );

/** Links to other pages, and to the schemas. @param {string} text */
const withLinks = text =>
  text
    .replace(/(?<![\w/(])docs\/([\w-]+\.md)/g, '[$1]($1)')
    .replace(/(?<![\w/(])schemas\/([\w-]+\.schema\.json)/g, '[$1](../schemas/$1)');

/** An item of a list; several texts are a list of their own. @param {string} title @param {readonly string[]} texts */
function asItem(title, texts) {
  if (texts.length === 0) return '';
  const unwrapped = texts.map(text => text.replace(/\n\s*(?!- )/g, ' '));
  return unwrapped.length === 1
    ? `- **${title}:** ${unwrapped[0]}`
    : [`- **${title}:**`, ...unwrapped.map(text => `  - ${text}`)].join('\n');
}

/** The parts of a docstring. */
class Docstring {
  /** @param {import('typedoc').Comment | undefined} comment @param {(parts: readonly Part[]) => string} text */
  constructor(comment, text) {
    const paragraphs = text(comment?.summary ?? [])
      .split(/\n{2,}/)
      .filter(each => each !== '');
    const labelled = (/** @type {string} */ label) =>
      paragraphs.filter(each => each.startsWith(label)).map(each => each.slice(label.length).trim());
    const tagged = (/** @type {string} */ tag) =>
      (comment?.blockTags ?? []).filter(each => each.tag === tag).map(({ content }) => text(content).trim());
    this.kernel = labelled('Kernel:');
    this.appliesTo = labelled('Applies to:');
    this.text = paragraphs.filter(each => !/^(Kernel|Applies to):/.test(each));
    this.throws = tagged('@throws');
    this.see = tagged('@see');
    this.examples = tagged('@example');
  }
}

/** Writes the page, and notes missing parts of the docstrings. */
class Page {
  /** @type {string[]} */
  faults = [];
  #entries;
  #anchors = new Map();
  /** @type {Map<string, Declaration>} */
  #types = new Map();
  #text;
  #errorCodes;
  /** @type {string[]} */
  #blocks = [];

  /** @param {Entry[]} entries @param {import('typedoc').Context} context */
  constructor(entries, context) {
    this.#entries = entries;
    this.#text = new TypeScriptText(context, plain);
    const anchors = new Anchors();
    for (const { name, module } of entries) {
      anchors.next(name);
      for (const one of this.#own(module)) {
        this.#anchors.set(one, anchors.next(headingOf(one)));
        if (!isFunction(one)) this.#types.set(one.name, one);
      }
    }
    const codes = this.#types.get('TracegateErrorCode');
    this.#errorCodes = codes === undefined ? '' : this.#text.declaration(codes, 'type', []);
  }

  /** The exports that a module doesn't take from another entry point, in the order of the page. @param {Declaration} module */
  #own({ children = [] }) {
    const own = children.filter(one => !one.isReference()).sort(byName);
    return [
      ...own.filter(isFunction),
      ...own.filter(one => !isFunction(one) && !isType(one)),
      ...own.filter(isType),
    ];
  }

  /** @param {Declaration} one */
  #link(one) {
    return `[\`${headingOf(one)}\`](#${this.#anchors.get(one)})`;
  }

  /** A comment as Markdown: a link leads to the page's own heading. @type {(parts: readonly Part[]) => string} */
  #markdown = parts =>
    parts
      .map(part => {
        if (part.kind !== 'inline-tag')
          return part.kind === 'code' ? part.text : withLinks(asCode(part.text));
        const target = /** @type {Declaration} */ (part.target);
        const of = target?.parent?.kind === ReflectionKind.Interface ? target.parent : target;
        return this.#anchors.has(of) ? `[\`${part.text}\`](#${this.#anchors.get(of)})` : `\`${part.text}\``;
      })
      .join('');

  /** A placeholder for a block of TypeScript, which is formatted with all others at the end. @param {string} code */
  #block(code) {
    this.#blocks.push(code);
    return `\0${this.#blocks.length - 1}\0`;
  }

  /** The types of this page that TypeScript text names. @param {string} name whose text it is @param {string} code */
  #namedTypes(name, code) {
    const words = code
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '')
      .matchAll(/(?<![.\w])[A-Z]\w*(?=\W)/g);
    const own = [name, ...[...code.matchAll(/\[(\w+) in |^\w+ \w+<(\w+)/g)].map(([, key, of]) => key ?? of)];
    const named = [...new Set([...words].map(([word]) => word))].filter(word => !own.includes(word));
    for (const word of named)
      if (!this.#types.has(word) && !GLOBAL.has(word))
        this.faults.push(`${name}: names the type ${word}, which no entry point exports`);
    return named.flatMap(word => this.#types.get(word) ?? []);
  }

  /** @param {string} name @param {Docstring} doc @param {string} code */
  #checkExample(name, { examples }, code) {
    if (examples.length === 0) this.faults.push(`${name}: has no @example`);
    for (const example of examples) {
      if (!/^```js\n[\s\S]*\n```$/.test(example)) this.faults.push(`${name}: its @example is no block of js`);
      if (!/\bassert\w*[.(]|\bexpect\(|console\.log\(.*\); \/\/ /.test(example))
        this.faults.push(`${name}: its @example asserts and prints nothing`);
      if (!example.includes(code)) this.faults.push(`${name}: its @example doesn't use it`);
    }
  }

  /** @param {Declaration} one */
  #function(one) {
    const signatures = one.signatures ?? [];
    const [first] = signatures;
    const doc = new Docstring(first?.comment, this.#markdown);
    const name = `${one.name}()`;
    if (doc.text.length === 0) this.faults.push(`${name}: has no summary`);
    if (doc.appliesTo.length !== 1) this.faults.push(`${name}: doesn't say what it applies to (Applies to:)`);
    if (doc.throws.length === 0) this.faults.push(`${name}: has no @throws (@throws nothing)`);
    this.#checkExample(name, doc, one.name);
    const parameters = signatures
      .flatMap(({ parameters: each = [] }) => each)
      .flatMap(({ name: parameter, comment }) => {
        const text = this.#markdown(comment?.summary ?? []).trim();
        return text === '' ? [] : [asItem(`\`${parameter}\``, [text])];
      });
    const code = this.#text
      .signatures(one)
      .map(text => `function ${text}`)
      .join('\n');
    const isAsync = /: Promise<.*>;$/.test(code);
    return [
      this.#block(code),
      ...doc.text,
      this.#facts(one.name, code, doc, parameters, isAsync),
      ...doc.examples,
    ];
  }

  /** @param {string} name @param {string} code @param {Docstring} doc @param {string[]} [parameters] @param {boolean} [isAsync] */
  #facts(name, code, doc, parameters = [], isAsync = false) {
    const types = this.#namedTypes(name, code).map(type => this.#link(type));
    for (const [error] of doc.throws.join().matchAll(/ERR_TRACEGATE_\w+/g))
      if (!this.#errorCodes.includes(`'${error}'`)) this.faults.push(`${name}: ${error} is no code`);
    return [
      asItem('Applies to', doc.appliesTo),
      ...parameters,
      asItem(isAsync ? 'Rejects with' : 'Throws', doc.throws),
      asItem('Kernel', doc.kernel),
      asItem('See', doc.see),
      asItem('Types', types.length === 0 ? [] : [types.join(', ')]),
    ]
      .filter(item => item !== '')
      .join('\n');
  }

  /** @param {Declaration} one */
  #declaration(one) {
    const doc = new Docstring(one.comment ?? undefined, this.#markdown);
    if (doc.text.length === 0) this.faults.push(`${one.name}: has no summary`);
    if (!isType(one)) this.#checkExample(one.name, doc, one.name);
    // The members of a base that the page doesn't have stand with the type's own.
    const bases = (one.extendedTypes ?? [])
      .filter(
        base => base.type === 'reference' && (base.reflection !== undefined || base.package !== 'tracegate'),
      )
      .map(base => base.toString());
    const code = this.#text.declaration(one, WORDS.get(one.kind) ?? 'const', bases);
    return [...doc.text, this.#block(code), this.#facts(one.name, code, doc), ...doc.examples];
  }

  /** @param {Entry} entry */
  #section({ name, module }) {
    const doc = new Docstring(module.comment ?? undefined, this.#markdown);
    if (doc.text.length === 0) this.faults.push(`${name}: has no summary`);
    const own = this.#own(module);
    const taken = (module.children ?? []).filter(one => one.isReference()).sort(byName);
    const list = (/** @type {string} */ title, /** @type {Declaration[]} */ some) =>
      some.length === 0 ? [] : [asItem(title, [some.map(one => this.#link(one)).join(', ')])];
    const index = [
      ...list('Functions', own.filter(isFunction)),
      ...list(
        'Values',
        own.filter(one => !isFunction(one) && !isType(one)),
      ),
      ...list('Types', own.filter(isType)),
      ...list(
        'From other entry points',
        taken.map(one => /** @type {Declaration} */ (/** @type {any} */ (one).getTargetReflectionDeep())),
      ),
    ];
    if (own.length === 0) this.#checkExample(name, doc, name);
    return [
      `## \`${name}\``,
      ...doc.text,
      this.#facts(name, '', doc),
      index.join('\n'),
      ...doc.examples,
      ...own.flatMap(one => [
        `### \`${headingOf(one)}\``,
        ...(isFunction(one) ? this.#function(one) : this.#declaration(one)),
      ]),
    ];
  }

  write() {
    const paragraphs = [INTRODUCTION.trimEnd(), ...this.#entries.flatMap(entry => this.#section(entry))];
    const text = paragraphs.filter(each => each !== '').join('\n\n');
    const codes = formatted(this.#blocks);
    return `${text.replace(/\0(\d+)\0/g, (_, at) => `\`\`\`ts\n${codes[Number(at)]}\n\`\`\``)}\n`;
  }
}

/** Formats pieces of TypeScript by one run of biome. @param {string[]} pieces @returns {string[]} */
function formatted(pieces) {
  const BETWEEN = '// ----';
  const biome = join(ROOT, 'node_modules', '.bin', 'biome');
  const text = execFileSync(biome, ['format', '--stdin-file-path=api.d.ts'], {
    cwd: ROOT,
    input: pieces.join(`\n\n${BETWEEN}\n\n`),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return text.split(BETWEEN).map(piece => piece.trim());
}

export async function apiPage() {
  const { entries, context } = await readEntries();
  const page = new Page(entries, context);
  const text = page.write();
  return { text, faults: page.faults };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const result = await apiPage();
  if (process.argv.includes('--json')) process.stdout.write(JSON.stringify(result));
  else {
    writeFileSync(PAGE, result.text);
    for (const fault of result.faults) console.error(fault);
    if (result.faults.length > 0) process.exitCode = 1;
  }
}
