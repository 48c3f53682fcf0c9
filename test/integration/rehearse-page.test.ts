// The page of `tracegate rehearse --html` in a real browser.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlPage } from '../../lib/rehearse/formats/html.js';
import type { Rehearsal } from '../../lib/rehearse/rehearsal.js';
import { rehearse } from '../../lib/rehearse/rehearse.js';
import { recordingLines } from '../../scripts/bench/synthetic-recording.mjs';
import { launchChromium, withFile } from '../../scripts/test/chromium.mjs';
import { tracegate } from '../helpers/cli.js';
import { ROOT } from '../helpers/processes.js';
import { isNightly } from '../helpers/tier.js';

const SCOPES = [1, 2, 3] as const;
const AXE = readFileSync(join(ROOT, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const HOSTILE = '</script><img src=x onerror=alert(1)>';

let browser: Browser;
let directory: string;
let file: string;
let answer: Rehearsal;
beforeAll(async () => {
  browser = await launchChromium({ isShell: !isNightly });
  directory = mkdtempSync(join(tmpdir(), 'tracegate-rehearse-page-'));
  file = join(directory, 'recording.ndjson');
  const gap = { event: 'gap', time: '2026-01-05T00:00:01.000Z', lost: 1, because: HOSTILE };
  const lines = [...recordingLines({ seed: 1, events: 3000, pairs: 40 }), `${JSON.stringify(gap)}\n`];
  writeFileSync(file, lines.join('').replaceAll('/usr/bin/rr', `/tmp/${HOSTILE}`));
  answer = await rehearse([file], SCOPES);
});
afterAll(async () => {
  await browser.close();
  rmSync(directory, { recursive: true });
});

/** Each complaint of Chromium, and each request for another file, is a failure. */
async function withPage(
  html: string,
  use: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
) {
  await withFile(html, async address => {
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
      if (request.url().split('#')[0] !== address) complaints.push(`request: ${request.url()}`);
    });
    await page.goto(address);
    await page.waitForSelector('html[data-ready]');
    await use(page);
    await context.close();
    expect(complaints).toEqual([]);
  });
}

it('the slider shows each scope by the arrow keys: the sentence, the matrix and the pairs', () =>
  withPage(htmlPage(answer, SCOPES), async page => {
    await page.locator('#scope').focus();
    for (const scope of SCOPES) {
      if (scope > 1) await page.keyboard.press('ArrowRight');
      const { pairs } = answer.atScope[scope]!;
      const marks = (await page.locator('.matrix td a').allInnerTexts()).map(text => text.trim()[0]);
      const of = (mark: string) => marks.filter(one => one === mark).length;
      expect([of('✗'), of('?'), of('✓')]).toEqual([pairs.breaks, pairs.unknown, pairs.unchanged]);
      const headline = await page.locator('.headline:visible').textContent();
      expect(headline).toContain(`At ${scope}, ${pairs.breaks} pair`);
      expect(await page.locator('#scope').getAttribute('aria-valuetext')).toBe(`${scope}: ${headline}`);
      if (scope > 1) expect(await page.locator('#live').textContent()).toBe(headline);
      expect(await page.locator('.bars li.now').getAttribute('data-bar')).toBe(`${scope}`);
    }
  }));

it('a cell leads to its pair, by Enter, with the reason and the remedy at the scope', () =>
  withPage(htmlPage(answer, SCOPES), async page => {
    const at = answer.pairs.findIndex(({ atScope }) => atScope[1]!.refusals.length > 0);
    const { refusals } = answer.pairs[at]!.atScope[1]!;
    await page.locator(`.matrix a[href="#pair-${at}"]`).focus();
    await page.keyboard.press('Enter');
    const section = page.locator(`#pair-${at}`);
    expect(await page.evaluate('document.activeElement.id')).toBe(`pair-${at}`);
    const text = await section.innerText();
    expect(text).toContain(refusals[0]!.because);
    const [action] = refusals[0]!.remedies[0]!.actions;
    expect(text).toContain(`→ ${action!.who}: ${action!.what}`);
  }));

it('shows hostile names and reasons as text', () =>
  withPage(htmlPage(answer, SCOPES), async page => {
    expect(await page.evaluate('document.querySelectorAll("img, iframe").length')).toBe(0);
    expect(await page.locator('.matrix th[scope=row]').allInnerTexts()).toContain(`/tmp/${HOSTILE}`);
    expect(await page.locator('main li', { hasText: HOSTILE }).count()).toBe(1);
  }));

describe.each(['light', 'dark'] as const)('%s', colorScheme => {
  it.each([1280, 360])('has no finding of axe, AA contrast included, at %i px', width =>
    withPage(
      htmlPage(answer, SCOPES),
      async page => {
        await page.evaluate(AXE);
        for (const scope of SCOPES) {
          await page.locator('#scope').fill(`${scope}`);
          const findings = await page.evaluate(
            `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(node => node.html.slice(0, 120) + ' ' + node.failureSummary).join('; ')))`,
          );
          expect(findings).toEqual([]);
        }
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      },
      { colorScheme, viewport: { width, height: 800 } },
    ),
  );
});

it('the command writes it, says nothing beside it, and ends with the exit code of the answer', async () => {
  const page = join(directory, 'page.html');
  const run = await tracegate(['rehearse', '--scope', '2', '--html', page, file]);
  expect(run).toMatchObject({ code: 1, stdout: '', stderr: '' });
  expect(readFileSync(page, 'utf8')).toBe(htmlPage(await rehearse([file], [2]), [2]));
  await withPage(readFileSync(page, 'utf8'), async opened => {
    expect(await opened.locator('.headline:visible').textContent()).toContain('At 2, ');
  });
});
