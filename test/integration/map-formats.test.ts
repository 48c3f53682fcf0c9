// The pictures of the map, read by Graphviz, Mermaid and XML parsers.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot } from '../../lib/kernel/host.js';
import { toDot } from '../../lib/map/formats/dot.js';
import { toMermaid } from '../../lib/map/formats/mermaid.js';
import { toSvg } from '../../lib/map/formats/svg.js';
import { mapHost } from '../../lib/map/graph/map-host.js';
import type { HostMap } from '../../lib/map/graph/map-types.js';
import { count, programNames } from '../../lib/map/graph/names.js';
import { launchChromium } from '../../scripts/test/chromium.mjs';
import { hostileHost, namedHost, onlyWith } from '../helpers/map-hosts.js';
import { ROOT } from '../helpers/processes.js';
import { isNightly } from '../helpers/tier.js';

/** Each name in a class of its own, so that every one is in a label. */
function eachItsOwn(host: Snapshot): Snapshot {
  const ids = (id: number) => ({ real: id, effective: id, saved: id, fs: id });
  const caps = { capPermitted: '0', capEffective: '0', capInheritable: '0', capBounding: '0' };
  const processes = host.processes.map((facts, at) => ({
    ...facts,
    ...caps,
    uids: ids(2000 + at),
    gids: ids(2000 + at),
  }));
  return { ...host, processes, name: 'own "ids" & <more>' };
}

const HOSTS: [string, () => HostMap][] = [
  ['a small host', () => mapHost(namedHost())],
  ['one at ptrace_scope 1', () => mapHost(namedHost(), { scope: 1 })],
  ['hostile names', () => mapHost(hostileHost())],
  ['hostile names, each in a class', () => mapHost(eachItsOwn(hostileHost()))],
  ['an empty host', () => mapHost(onlyWith(namedHost(), 0))],
  ['a host with one process', () => mapHost(onlyWith(namedHost(), 1))],
  ['no Yama', () => mapHost(namedHost({ yama: { state: 'absent' } }))],
];

const scopeOf = ({ scope }: HostMap) => (typeof scope === 'number' ? scope : 0);

/** Edges that there are at all at the map's scope, as from, to and whether it is certain. */
const edgesOf = (map: HostMap): string[] => {
  const at = scopeOf(map);
  return map
    .edges!.filter(({ certain, possible }) => certain[at] + possible[at] > 0)
    .map(({ from, to, certain }) => `c${from} c${to} ${certain[at] > 0 ? 'solid' : 'dashed'}`)
    .sort();
};

const labelOf = ({ programs, size }: HostMap['classes'][number]): string[] => [
  programNames(programs),
  `${count(size)} ${size === 1 ? 'process' : 'processes'}`,
];

describe.each(HOSTS)('%s', (_, mapOf) => {
  it('is read by Graphviz with all labels and edges', () => {
    const map = mapOf();
    // -Tdot_json writes the graph as Graphviz read it, with the given labels, and osage lays it out quickly. The SVG
    // has the shown texts.
    const input = toDot(map);
    const json = JSON.parse(
      execFileSync('dot', ['-Kosage', '-Tdot_json'], { input, encoding: 'utf8', maxBuffer: 1 << 27 }),
    );
    const objects: { name: string }[] = json.objects ?? [];
    expect(objects.map(({ name }) => name)).toEqual(map.classes.map(({ id }) => `c${id}`));
    const edges: { tail: number; head: number; style: string }[] = json.edges ?? [];
    expect(
      edges.map(({ tail, head, style }) => `${objects[tail]!.name} ${objects[head]!.name} ${style}`).sort(),
    ).toEqual(edgesOf(map));
  });

  it('is a well-formed SVG that shows each class, with names as plain text', () => {
    const map = mapOf();
    const input = toSvg(map);
    execFileSync('xmllint', ['--noout', '--nonet', '-'], { input });
    const xpath = (expression: string) =>
      execFileSync('xmllint', ['--nonet', '--xpath', expression, '-'], { input, encoding: 'utf8' }).trim();
    expect(xpath(`count(//*[local-name()='circle'][*[local-name()='title']])`)).toBe(`${map.classes.length}`);
    expect(
      xpath(
        `count(//*[local-name()='script' or local-name()='img' or local-name()='b' or local-name()='a'])`,
      ),
    ).toBe('0');
    expect(xpath(`string(/*/*[local-name()='title'])`)).not.toBe('');
    expect(xpath(`string(/*/*[local-name()='desc'])`)).toContain(`${count(map.classes.length)} class`);
    expect(
      xpath(`count(//@*[contains(., '://') and namespace-uri()!='http://www.w3.org/2000/xmlns/'])`),
    ).toBe('0');
    // xmllint writes text with its own escapes.
    const path = `//*[local-name()='circle']/*[local-name()='title']/text()`;
    const titles = (map.classes.length === 0 ? '' : xpath(path)).split('\n').filter(Boolean);
    const wanted = map.classes.map(({ programs, size }) =>
      `${count(size)} ${size === 1 ? 'process' : 'processes'}: ${programNames(programs, 6)}`.replace(
        /[<>&]/g,
        one => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[one]!,
      ),
    );
    expect(wanted.filter(text => !titles.some(title => title.startsWith(text)))).toEqual([]);
  });
});

it('the picture of Graphviz shows the names unchanged', () => {
  const map = mapHost(eachItsOwn(hostileHost()));
  const svg = execFileSync('dot', ['-Tsvg'], { input: toDot(map), encoding: 'utf8' });
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) =>
    text!
      .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
      .replace(/&(lt|gt|quot|amp);/g, (_, name: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name]!)
      .replaceAll('\u00a0', ' '),
  );
  for (const cls of map.classes)
    expect(texts).toContain(programNames(cls.programs).replaceAll('\u00a0', ' '));
});

describe('Mermaid', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await launchChromium({ isShell: !isNightly });
    page = await browser.newPage();
    await page.addScriptTag({
      content: readFileSync(join(ROOT, 'node_modules', 'mermaid', 'dist', 'mermaid.min.js'), 'utf8'),
    });
    await page.evaluate('mermaid.initialize({ startOnLoad: false })');
  });
  afterAll(async () => {
    await browser.close();
  });

  const parse = (text: string) =>
    page.evaluate(`mermaid.mermaidAPI.getDiagramFromText(${JSON.stringify(text)}).then(({ db }) => ({
      nodes: [...db.getVertices().keys()],
      edges: db.getEdges().map(({ start, end, stroke }) => start + ' ' + end + ' ' + (stroke === 'dotted' ? 'dashed' : 'solid')),
    }))`) as Promise<{ nodes: string[]; edges: string[] }>;

  it.each(HOSTS)('%s is read with the classes and edges that it has', async (_, mapOf) => {
    const map = mapOf();
    const { nodes, edges } = await parse(toMermaid(map));
    expect(nodes.filter(name => name !== 'title').sort()).toEqual(
      map.classes.map(({ id }) => `c${id}`).sort(),
    );
    const all = edgesOf(map);
    expect(edges).toHaveLength(Math.min(400, all.length));
    expect(edges.filter(edge => !all.includes(edge))).toEqual([]);
  });

  it('of a large host it has as many edges as Mermaid accepts, and says so', async () => {
    const map = mapHost(namedHost({ count: 6000 }));
    const text = toMermaid(map);
    expect(text.length).toBeLessThan(50_000);
    expect(text).toMatch(/300 of [\d,]+ classes and [\d,]+ of [\d,]+ edges, the strongest/);
    const { nodes, edges } = await parse(text);
    expect(nodes).toHaveLength(301);
    expect(edges.length).toBeLessThanOrEqual(400);
  });

  it('draws the names unchanged, and as no markup', async () => {
    const map = mapHost(eachItsOwn(hostileHost()));
    const drawn =
      (await page.evaluate(`mermaid.render('drawn', ${JSON.stringify(toMermaid(map))}).then(({ svg }) => {
      const made = new DOMParser().parseFromString(svg, 'text/html');
      return {
        texts: [...made.querySelectorAll('.nodeLabel')].map(at => at.innerHTML.split(/<br\\s*\\/?>/).map(part => new DOMParser().parseFromString(part, 'text/html').body.textContent)).flat(),
        markup: made.querySelectorAll('script, img, b, iframe').length,
      };
    })`)) as { texts: string[]; markup: number };
    expect(drawn.markup).toBe(0);
    for (const cls of map.classes) expect(drawn.texts).toContain(labelOf(cls)[0]);
  });
});
