// What typedoc has read, as TypeScript text: types stand as in the source, and inherited members stand with the type's own. Biome
// breaks the lines afterwards.

/** @typedef {import('typedoc').DeclarationReflection} Declaration */
/** @typedef {import('typedoc').SignatureReflection} Signature */
/** @typedef {import('typedoc').SomeType} SomeType */
/** @typedef {import('typedoc').Reflection} Reflection */
/** @typedef {(parts: readonly import('typedoc').CommentDisplayPart[]) => string} PlainText */

const COLUMNS = 94;

/** TypeFormatFlags of the compiler: NoTruncation. */
const IN_FULL = 1;

/** @param {string} text @returns {string} the text as a doc comment, or nothing */
function docComment(text) {
  const lines = text
    .trim()
    .replace(/(?<!\n)\n(?!\n|- )/g, ' ')
    .split('\n')
    .flatMap(line => {
      const pieces = line.match(new RegExp(`\\S.{0,${COLUMNS - 1}}(?=\\s|$)`, 'g')) ?? [''];
      return pieces.map((piece, at) => (at > 0 && line.startsWith('- ') ? `  ${piece}` : piece));
    });
  if (lines.length > 1) return `/**\n${lines.map(line => ` * ${line}`.trimEnd()).join('\n')}\n */\n`;
  return lines[0] === '' ? '' : `/** ${lines[0]} */\n`;
}

const isInternal = (/** @type {any} */ node) =>
  (node.jsDoc ?? []).some((/** @type {any} */ each) => each.getText().includes('@internal'));

/** A parameter as the caller sees it: with a default it is optional. @param {any} node */
function parameterText(node) {
  const type = node.type?.getText() ?? 'unknown';
  // A parameter that is taken apart gets the name of its first part, or of its type.
  const [first] = node.name.elements ?? [];
  const ofType = type.match(/^(?:[A-Z]\w*)?([A-Z][a-z]+)$/)?.[1]?.toLowerCase() ?? 'options';
  const ofParts = node.name.getText().startsWith('[') ? first?.name.getText() : ofType;
  // The functions call their options `given` until these are checked.
  const name = first === undefined ? node.name.getText().replace(/^given$/, 'options') : ofParts;
  const isOptional = node.questionToken !== undefined || node.initializer !== undefined;
  return `${node.dotDotDotToken ? '...' : ''}${name}${isOptional ? '?' : ''}: ${type}`;
}

/** @param {any} node a function, a method or a function type */
function callText(node) {
  const generic = node.typeParameters?.map((/** @type {any} */ each) => each.getText()).join(', ');
  const parameters = node.parameters.filter((/** @type {any} */ each) => each.name.getText() !== 'this');
  return `${generic ? `<${generic}>` : ''}(${parameters.map(parameterText).join(', ')})`;
}

export class TypeScriptText {
  #context;
  #plain;

  /** @param {import('typedoc').Context} context @param {PlainText} plain makes text of a comment */
  constructor(context, plain) {
    this.#context = context;
    this.#plain = plain;
  }

  /** The nodes of the compiler that declare it. @param {Reflection} reflection @returns {any[]} */
  #nodes(reflection) {
    return [...(this.#context.getSymbolFromReflection(reflection)?.declarations ?? [])];
  }

  /** @param {Reflection} reflection */
  #comment({ comment }) {
    return docComment(this.#plain(comment?.summary ?? []));
  }

  /** The signatures of a function or a method that a caller can use. @param {Declaration} reflection */
  signatures(reflection) {
    const nodes = this.#nodes(reflection)
      .map(node => (node.parameters === undefined ? (node.initializer ?? node) : node))
      .filter(node => node.parameters !== undefined && !isInternal(node));
    const overloads = nodes.filter(node => node.body === undefined);
    const name = reflection.name.replace(/^\[(\w+)\]$/, '[Symbol.$1]');
    return (overloads.length > 0 ? overloads : nodes).map(node => {
      const result = node.type?.getText() ?? this.#inferred(reflection);
      return `${name}${callText(node)}: ${result};`;
    });
  }

  #inferred(/** @type {Declaration} */ { signatures = [] }) {
    return signatures[0]?.type?.toString() ?? 'unknown';
  }

  /** The members of an interface, a class or an object, each with its comment. @param {Declaration} of @returns {string} */
  #members({ children = [] }) {
    // Only the package constructs its classes.
    return children
      .filter(({ name }) => name !== 'constructor')
      .map(child => {
        if (child.signatures !== undefined) {
          const [first] = child.signatures;
          return this.signatures(child)
            .map((text, at) => `${at === 0 && first ? this.#comment(first) : ''}${text}\n`)
            .join('');
        }
        const { isReadonly, isOptional } = child.flags;
        return `${this.#comment(child)}${isReadonly ? 'readonly ' : ''}${child.name}${isOptional ? '?' : ''}: ${this.#typeOf(child)};\n`;
      })
      .join('');
  }

  /** @param {Declaration} reflection @returns {string} */
  #typeOf(reflection) {
    const written = this.#nodes(reflection)
      .map(node => node.type)
      .find(type => type !== undefined);
    if (written !== undefined) return this.#withoutTypeof(written);
    const { type } = reflection;
    return type?.type === 'reflection' ? `{\n${this.#members(type.declaration)}}` : `${type ?? 'unknown'}`;
  }

  /** `typeof NAME` tells the reader nothing, so the type is written in full. @param {any} node @returns {string} */
  #withoutTypeof(node) {
    const text = node.getText();
    const [program] = this.#context.programs;
    if (!/\btypeof\b/.test(text) || program === undefined) return text;
    const checker = program.getTypeChecker();
    const inFull = (/** @type {any} */ of) =>
      checker.typeToString(checker.getTypeFromTypeNode(of), undefined, IN_FULL);
    // Of `(typeof NAMES)[number]` the list keeps the order of its words, which the union doesn't.
    const words = inFull(node.objectType ?? node).match(/"[^"]+"/g);
    return words?.map(word => `'${word.slice(1, -1)}'`).join(' | ') ?? inFull(node);
  }

  /** @param {Declaration} declaration @param {'interface' | 'class' | 'type' | 'const'} word @param {readonly string[]} bases */
  declaration(declaration, word, bases) {
    const parameters = (declaration.typeParameters ?? []).map(each =>
      each.default === undefined ? each.name : `${each.name} = ${each.default}`,
    );
    const name = `${declaration.name}${parameters.length > 0 ? `<${parameters.join(', ')}>` : ''}`;
    if (word === 'type') return `type ${name} = ${this.#typeOf(declaration)};`;
    if (word === 'const') return `const ${name}: ${this.#typeOf(declaration)};`;
    const extending = bases.length === 0 ? '' : ` extends ${bases.join(', ')}`;
    return `${word} ${name}${extending} {\n${this.#members(declaration)}}`;
  }
}
