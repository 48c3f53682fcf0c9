/** XML 1.0, 2.2: most control characters are forbidden, also in escaped form. */
export const escapeXml = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/g, '\ufffd')
    .replace(/[<>&"']/g, character => `&#${character.codePointAt(0)};`);

/** @param content escaped text, or elements */
export function element(
  name: string,
  attributes: Record<string, string | number>,
  content: string | readonly string[] = '',
): string {
  const text = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(`${value}`)}"`);
  const inner = typeof content === 'string' ? content : content.map(one => `\n${one}`).join('');
  const isEmpty = inner === '';
  const end = typeof content === 'string' ? '' : '\n';
  return isEmpty ? `<${name}${text.join('')}/>` : `<${name}${text.join('')}>${inner}${end}</${name}>`;
}

export const XML = '<?xml version="1.0" encoding="UTF-8"?>\n';
