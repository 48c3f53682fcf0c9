// The map's page in a real browser.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot } from '../../lib/kernel/host.js';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { htmlPage } from '../../lib/map/formats/html.js';
import { mapHost } from '../../lib/map/graph/map-host.js';
import type { HostMap } from '../../lib/map/graph/map-types.js';
import { count, shownName } from '../../lib/map/graph/names.js';
import { tracersOf } from '../../lib/map/graph/tracers.js';
import { nameOf } from '../../lib/map/page/model.js';
import { SCOPE_MEANS, stepWords } from '../../lib/map/page/words.js';
import { indexOf } from '../../lib/policy/reach/process-classes.js';
import { reach } from '../../lib/policy/reach/reach.js';
import { launchChromium, withFile } from '../../scripts/test/chromium.mjs';
import { HOSTILE_NAMES, hostileHost, namedHost, onlyWith } from '../helpers/map-hosts.js';
import { ROOT } from '../helpers/processes.js';
import { isNightly, times } from '../helpers/tier.js';
import { ended } from '../helpers/waits.js';

const SCOPES = [0, 1, 2, 3] as const;
const AXE = readFileSync(join(ROOT, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium({ isShell: !isNightly });
});
afterAll(async () => {
  await browser.close();
});

interface Opened {
  page: Page;
  snapshot: Snapshot;
  map: HostMap;
}

/** A page of a host in Chromium. Each complaint of Chromium, and each request for another file, is a failure. */
async function withPage(
  snapshot: Snapshot,
  use: (opened: Opened) => Promise<void>,
  options: BrowserContextOptions = {},
) {
  const map = mapHost(snapshot);
  await withFile(htmlPage(snapshot, map), async address => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', error => complaints.push(`${error.stack}`));
    page.on('dialog', dialog => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', request => {
      if (request.url() !== address) complaints.push(`request: ${request.url()}`);
    });
    await page.addInitScript(
      `document.addEventListener('securitypolicyviolation', event => console.error('CSP', event.violatedDirective))`,
    );
    await page.goto(address);
    await page.waitForSelector('html[data-ready]');
    await use({ page, snapshot, map });
    await context.close();
    expect(complaints).toEqual([]);
  });
}

const setScope = (page: Page, scope: number) => page.locator('#scope').fill(`${scope}`);

async function choose(page: Page, pid: number): Promise<void> {
  await page.fill('#search', `${pid}`);
  await page.press('#search', 'Enter');
}

const numbers = async (page: Page): Promise<number[]> =>
  (await page.locator('#verdict .bound b').allTextContents()).map(text => Number(text.replaceAll(',', '')));

/** Spread over the list, from a seed. */
const some = <Item>(items: readonly Item[], many: number): Item[] =>
  Array.from({ length: many }, (_, at) => items[(at * 7919 + 31) % items.length]!);

it('shows at every scope the number of edges, the lost edges, and the meaning of the scope', () =>
  withPage(namedHost(), async ({ page, map }) => {
    const headline = page.locator('#headline');
    const edges = map.edgesByScope;
    expect(edges[0]).toBeGreaterThan(edges[1]);
    expect(await headline.textContent()).toContain(
      `At 0, as it is now, this host has ${count(edges[0])} edges.`,
    );
    await page.focus('#scope');
    for (const scope of [1, 2, 3] as const) {
      await page.keyboard.press('ArrowRight');
      const text = await headline.textContent();
      expect(text).toContain(
        `At ${scope} this host loses ${count(edges[0] - edges[scope])} of ${count(edges[0])} edges.`,
      );
      if (map.possibleEdgesByScope[scope] > 0) {
        expect(text).toContain(`Up to ${count(map.possibleEdgesByScope[scope])} more`);
      }
      expect(await page.locator('#live').textContent()).toContain(text?.trim());
      expect(await page.getAttribute('#scope', 'aria-valuetext')).toContain(SCOPE_MEANS[scope]);
      expect(await page.locator('#edges tr.now th').textContent()).toContain(`${scope}`);
      expect(await page.locator('#exposed caption, #exposed h3').textContent()).toContain(
        `ptrace_scope ${scope}`,
      );
    }
    const rows = await page.locator('#edges tbody tr').allTextContents();
    for (const scope of SCOPES) {
      expect(rows[scope]).toContain(count(edges[scope]));
      expect(rows[scope]).toContain(count(map.possibleEdgesByScope[scope]));
    }
  }));

it('lists the running tracers that a scope would refuse, certainly or perhaps', () => {
  const host = namedHost();
  const [tracer, traced] = host.processes.filter(
    ({ comm, declaredTracer }) => comm === 'bash' && declaredTracer === 'unknown',
  );
  // No child of its tracer, which it may have declared.
  const processes = host.processes.map(facts =>
    facts === traced ? { ...facts, ppid: 1, tracerPid: tracer!.pid, tracerTgid: tracer!.pid } : facts,
  );
  return withPage({ ...host, processes }, async ({ page, map }) => {
    const said = new Set<string>();
    for (const scope of [1, 2, 3] as const) {
      await setScope(page, scope);
      const rows = await page.locator('#refused tbody tr').allTextContents();
      const expected = map.refusedTracers[scope].map(({ pid, target, reattach }) => {
        const how = reattach === 'unknown' ? 'perhaps' : 'certainly';
        said.add(how);
        return [`${pid}`, `${target.pid}`, how].map(text => expect.stringContaining(text));
      });
      expect(expected.length).toBeGreaterThan(0);
      expect(rows).toHaveLength(expected.length);
      for (const [at, texts] of expected.entries()) for (const text of texts) expect(rows[at]).toEqual(text);
    }
    expect([...said].sort()).toEqual(['certainly', 'perhaps']);
  });
});

it('agrees with reach() on processes at every scope: bounds, path, and the rule of each step', () =>
  withPage(namedHost(), async ({ page, snapshot }) => {
    const index = indexOf(snapshot);
    const nodes = [...index.nodes.values()].filter(node => node.class !== null);
    let steps = 0;
    for (const scope of SCOPES) {
      await setScope(page, scope);
      for (const { pid } of some(nodes, times(4, 14))) {
        await choose(page, pid);
        const { certain, possible } = reach(snapshot, pid, { scope });
        const node = index.nodes.get(pid)!;
        const tracers = [...tracersOf(index, node, scopeOf(scope)).values()];
        const sum = (bound: 'certain' | 'possible') => tracers.reduce((all, one) => all + one[bound], 0);
        expect(await numbers(page), `${pid} at ${scope}`).toEqual([
          sum('certain'),
          sum('possible'),
          certain.length,
          possible.length,
        ]);
        expect(await page.locator('#live').textContent()).toContain(`at ptrace_scope ${scope}`);
        for (const { pid: target, path } of some(
          [...certain, ...possible],
          certain.length + possible.length > 0 ? 2 : 0,
        )) {
          await page.fill('#path-pid', `${target}`);
          await page.press('#path-pid', 'Enter');
          const told = await page.locator('#path li').allInnerTexts();
          expect(told.length, `${pid} to ${target} at ${scope}`).toBe(path.length);
          const isSure = (step: { pid: number }) => certain.some(one => one.pid === step.pid);
          expect(await page.locator('#path li.certain').count()).toBe(path.filter(isSure).length);
          expect(await page.inputValue('#path-target')).toBe(`${target}`);
          for (const [at, step] of path.entries()) {
            const { rule, as, undetermined } = stepWords(step);
            const from = at === 0 ? node : index.nodes.get(path[at - 1]!.pid)!;
            const lines = told[at]!.split('\n');
            expect(lines[0]).toMatch(`${nameOf(from)} traces ${nameOf(index.nodes.get(step.pid)!)}`);
            expect(lines.slice(1)).toEqual([rule, as, ...(undetermined === null ? [] : [undetermined])]);
            steps++;
          }
        }
      }
    }
    expect(steps).toBeGreaterThan(times(10, 50));
  }));

it('agrees with the tables on the tracers of the most exposed processes', () =>
  withPage(namedHost(), async ({ page, snapshot, map }) => {
    const index = indexOf(snapshot);
    const ptraceCapable = new Set(
      map.classes.filter(({ isPtraceCapable }) => isPtraceCapable).map(({ id }) => id),
    );
    for (const scope of SCOPES) {
      await setScope(page, scope);
      for (const { pid, tracers } of some(map.exposed, times(3, 6))) {
        await choose(page, pid);
        const [certain, possible] = await numbers(page);
        const all = [...tracersOf(index, index.nodes.get(pid)!, scopeOf(scope))];
        const ofPtraceCapable = (bound: 'certain' | 'possible') =>
          all.reduce((sum, [cls, one]) => sum + (ptraceCapable.has(cls.id) ? one[bound] : 0), 0);
        expect(certain! - ofPtraceCapable('certain'), `${pid} at ${scope}`).toBe(tracers.certain[scope]);
        expect(possible! - ofPtraceCapable('possible'), `${pid} at ${scope}`).toBe(tracers.possible[scope]);
      }
    }
  }));

it('finds processes by pid, program and uid, and shows their number', () =>
  withPage(namedHost(), async ({ page, snapshot }) => {
    const traceable = snapshot.processes.filter(({ kind }) => kind === 'user');
    const ask = async (text: string) => {
      await page.fill('#search', text);
      return page.locator('#results-summary').textContent();
    };
    const agents = traceable.filter(({ comm }) => comm?.includes('agent')).length;
    expect(await ask('agent')).toBe(`${agents} processes of ${traceable.length} found.`);
    const ofUser = traceable.filter(({ uids }) => uids.real === 1001).length;
    expect(await ask('uid:1001')).toBe(`${ofUser} processes of ${traceable.length} found.`);
    expect(await ask('no such program')).toBe(`0 processes of ${traceable.length} found.`);
    await ask('bash');
    await page.press('#search', 'ArrowDown');
    await page.keyboard.press('ArrowDown');
    const name = await page.locator('#results button:focus').innerText();
    await page.keyboard.press('Enter');
    const title = await page.locator('#verdict h3').textContent();
    expect(name.replace(/\s+/g, ' ')).toContain(title?.replace(/\s+/g, ' '));
    // The focus moves there, so that the reader can go on reading.
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H3');
    await page.locator('#results .more, #results + .more').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#results li').count()).toBe(10);
  }));

const FOCUSED = `(() => { const at = document.activeElement; return at === document.body ? 'body' : (at.id || at.className.baseVal || at.className || at.tagName); })()`;

it('Tab goes through the page and out of it, with a visible focus at each place', () =>
  withPage(namedHost({ count: 60 }), async ({ page }) => {
    const passed: string[] = [];
    for (;;) {
      await page.keyboard.press('Tab');
      const at = `${await page.evaluate(FOCUSED)}`;
      if (at === 'body' || passed.length > 200) break;
      passed.push(at);
      const isSeen = await page.evaluate(`(() => {
        const at = document.activeElement;
        if (at.closest('#picture')) return getComputedStyle(document.querySelector('circle.ring')).display !== 'none';
        const { outlineStyle, outlineWidth } = getComputedStyle(at);
        return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      })()`);
      expect(isSeen, `the focus is seen on ${at}`).toBe(true);
    }
    const order = ['skip', 'scope', 'class', 'search', 'verdict-region', 'scroller'];
    const places = order.map(name => passed.findIndex(one => one.split(' ').includes(name)));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(passed.length).toBeLessThan(120);
    // The circles are one place.
    expect(passed.filter(name => name.startsWith('class '))).toHaveLength(1);
  }));

it('the picture works with the keyboard alone: choose, open a class, its process, and back', () =>
  withPage(namedHost(), async ({ page, map }) => {
    await page.focus('#picture [tabindex="0"]');
    const label = () => page.evaluate('document.activeElement.getAttribute("aria-label")') as Promise<string>;
    const passed = new Set([await label()]);
    for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp', 'ArrowLeft', 'ArrowUp']) {
      await page.keyboard.press(key);
      passed.add(await label());
    }
    expect(passed.size).toBeGreaterThan(3);
    const largest = map.classes.reduce((a, b) => (b.size > a.size ? b : a));
    // Every circle, one after the other.
    await page.keyboard.press('Home');
    const all = [await label()];
    for (let at = 1; at < map.classes.length; at++) {
      await page.keyboard.press('PageDown');
      all.push(await label());
    }
    expect(new Set(all).size).toBe(map.classes.length);
    const place = all.findIndex(text => text.startsWith(`${count(largest.size)} × `));
    for (let at = all.length - 1; at > place; at--) await page.keyboard.press('PageUp');
    await page.keyboard.press('Enter');
    expect(await page.locator('#verdict').innerText()).toContain(
      `${count(largest.size)} processes that the tracing rules can’t tell apart`,
    );
    await page.keyboard.press('Enter');
    expect(await page.locator('#trail').innerText()).toContain(`${count(largest.size)} processes of a class`);
    expect(await page.locator('#picture circle.class').count()).toBeGreaterThanOrEqual(largest.size);
    await page.keyboard.press('Enter');
    const chosen = (await label()).split(',')[0];
    expect(await page.locator('#verdict h3').textContent()).toBe(chosen);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    expect(await page.locator('#trail li').count()).toBe(1);
    expect(await page.locator('#picture circle:focus').count()).toBe(1);
  }));

it('a click chooses a class, then its processes, and then the whole host again', () =>
  withPage(namedHost(), async ({ page }) => {
    const circle = page.locator('#picture circle.capable').first();
    await circle.click();
    expect(await page.locator('#verdict').innerText()).toContain('ptrace-capable: holds, or can take');
    expect(await page.locator('#picture-note').textContent()).toMatch(/Arrows: .*may trace/);
    expect(await page.locator('#picture-over path.out').count()).toBeGreaterThan(0);
    await circle.click();
    expect(await page.locator('#trail li').count()).toBe(3);
    await page.getByRole('button', { name: 'Whole host' }).click();
    expect(await page.locator('#trail li').count()).toBe(1);
  }));

it('gives a screen reader landmarks, names, tables, and one circle', () =>
  withPage(namedHost({ count: 60 }), async ({ page }) => {
    await choose(page, 40);
    const tree = await page.locator('body').ariaSnapshot();
    for (const part of [
      '- banner:',
      '- heading "build-01" [level=1]',
      '- main:',
      '- region "Who may trace, as if ptrace_scope were another":',
      '- slider "ptrace_scope"',
      '- region "The host":',
      '- navigation "What the picture shows":',
      '- search "Find a process":',
      '- searchbox "pid, program, or uid:1000"',
      '- region "Verdict":',
      '- table "Edges by ptrace_scope":',
      '- columnheader "certain"',
      '- rowheader "0 classic"',
      '- table "Advice, in order of effect":',
      '- table "Classes of processes at ptrace_scope 0":',
      '- contentinfo:',
    ]) {
      expect(tree).toContain(part);
    }
    expect(tree).toMatch(/- group "The host":\s*\n\s*- button ".*, (open|closed|not seen|ptrace-capable)"/);
    expect(tree).not.toContain('- alert');
  }));

const axeFindings = (page: Page) =>
  page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(node => node.html.slice(0, 120) + ' ' + node.failureSummary).join('; ')))`,
  ) as Promise<string[]>;

it('axe finds the planted faults: a field without a name, and text that is too faint', () =>
  withPage(namedHost({ count: 60 }), async ({ page }) => {
    await page.evaluate(AXE);
    await page.evaluate(`document.querySelector('#search-title').append(document.createElement('input'))`);
    await page.evaluate(`document.querySelector('#headline').style.color = '#aaa'`);
    const found = (await axeFindings(page)).map(text => text.split(':')[0]);
    expect(found).toEqual(expect.arrayContaining(['label', 'color-contrast']));
  }));

describe.each(['light', 'dark'] as const)('%s', colorScheme => {
  it.each([1280, 360])('has no finding of axe, AA contrast included, at %i px', width =>
    withPage(
      namedHost(),
      async ({ page, map }) => {
        const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        expect(ground).toBe(colorScheme === 'dark' ? 'rgb(18, 21, 24)' : 'rgb(246, 246, 243)');
        await choose(page, map.exposed[0]!.pid);
        await page.evaluate(AXE);
        for (const scope of [0, 1]) {
          await setScope(page, scope);
          const findings = await axeFindings(page);
          expect(findings).toEqual([]);
        }
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      },
      { colorScheme, viewport: { width, height: 800 } },
    ),
  );
});

it('has no motion if the reader prefers that, and can be printed', () =>
  withPage(
    namedHost({ count: 60 }),
    async ({ page }) => {
      const moving = await page.evaluate(
        `[...document.querySelectorAll('*')].filter(at => { const { transitionDuration, animationName } = getComputedStyle(at); return parseFloat(transitionDuration) > 0 || animationName !== 'none'; }).length`,
      );
      expect(moving).toBe(0);
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('#search-form').isVisible()).toBe(false);
      expect(await page.locator('#classes table').isVisible()).toBe(true);
      expect((await page.pdf()).subarray(0, 5).toString()).toBe('%PDF-');
    },
    { reducedMotion: 'reduce' },
  ));

it('shows hostile names as text, wherever they stand', () =>
  withPage(hostileHost(), async ({ page, snapshot }) => {
    const elements = `document.querySelectorAll('script, img, b:not(main b), iframe').length`;
    expect(await page.evaluate(elements)).toBe(2);
    expect(await page.locator('h1').textContent()).toBe(shownName(snapshot.name));
    expect(await page.title()).toBe(`${shownName(snapshot.name)}: which process may trace which`);
    const traceable = snapshot.processes.filter(({ kind }) => kind === 'user');
    for (const comm of HOSTILE_NAMES) {
      const one = traceable.find(facts => facts.comm === comm);
      if (one === undefined) throw new Error(`nobody is called ${comm.slice(0, 40)}`);
      await choose(page, one.pid);
      expect(await page.locator('#verdict h3').textContent()).toBe(`${one.pid} ${shownName(comm)}`);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1280);
    }
    await page.fill('#search', '<img');
    expect(await page.locator('#results li').count()).toBeGreaterThan(0);
    for (const more of await page.locator('.tables .more:visible').all()) await more.click();
    expect(await page.evaluate(elements)).toBe(2);
    const text = `${await page.evaluate('document.body.innerText')}`;
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}](?<![\n\t])/u);
  }));

describe('small hosts', () => {
  it('an empty host', () =>
    withPage(onlyWith(namedHost(), 0), async ({ page }) => {
      expect(await page.locator('#headline').textContent()).toBe(
        'At 0, as it is now, this host has 0 edges.',
      );
      expect(await page.locator('#classes').textContent()).toContain('There is no process.');
      await page.fill('#search', '1');
      await page.press('#search', 'Enter');
      await page.press('#search', 'ArrowDown');
      for (const scope of SCOPES) await setScope(page, scope);
      await page.click('#picture');
    }));

  it('a host with one process', () =>
    withPage(onlyWith(namedHost(), 1), async ({ page }) => {
      await page.focus('#picture [tabindex="0"]');
      for (const key of ['ArrowDown', 'End', 'Enter', 'Enter']) await page.keyboard.press(key);
      expect(await page.locator('#verdict h3').textContent()).toBe('1 systemd');
      expect(await numbers(page)).toEqual([0, 0, 0, 0]);
    }));

  it.each([
    [{ state: 'absent' } as const, 'This host has no Yama: as it is now, it is as at 0.'],
    [{ state: 'unknown', cause: 'hidden' } as const, 'isn’t known: 0, the worst, is taken for it.'],
    [scopeOf(1), 'This host’s own ptrace_scope is 1 (restricted).'],
    [scopeOf(3), 'This host’s own ptrace_scope is 3 (no attach).'],
  ])('a host whose Yama is %j', (yama, text) =>
    withPage(namedHost({ count: 60, yama }), async ({ page, map }) => {
      const note = page.locator('#scope-note');
      expect(await note.textContent()).toContain(text);
      const own = yama.state === 'present' ? yama.value : 0;
      expect(await page.inputValue('#scope')).toBe(`${own}`);
      await setScope(page, 0);
      if (own > 0)
        expect(await page.locator('#headline').textContent()).toContain(
          `At 0 this host gains ${count(map.edgesByScope[0] - map.edgesByScope[own])} edges`,
        );
    }),
  );
});

/** What /proc says is its child, or below it. */
const childrenOf = (pid: number): number[] => {
  const file = `/proc/${pid}/task/${pid}/children`;
  const own = existsSync(file)
    ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    : [];
  return own.flatMap(child => [child, ...childrenOf(child)]);
};

it.each(['SIGTERM', 'SIGKILL'] as const)('leaves no browser behind when it is ended by %s', async signal => {
  const code = `import { launchChromium } from ${JSON.stringify(join(ROOT, 'scripts', 'test', 'chromium.mjs'))};
    const browser = await launchChromium({ isShell: ${!isNightly} }); await browser.newPage(); console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const _ of createInterface({ input: child.stdout })) break;
  const browsers = childrenOf(child.pid ?? 0);
  expect(browsers.length).toBeGreaterThan(2);
  child.kill(signal);
  // Nothing but the browser keeps it alive.
  await ended(...browsers, child.pid ?? 0);
});
