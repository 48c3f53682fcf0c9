// Measures how long the map's page takes to open, and to answer a click, in headless Chromium: node
// scripts/bench/map-page.mjs [PROCESSES] [--write]
// A click's time goes from the event to the frame after the one that drew the answer.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { htmlPage } from '../../build/modules/map/formats/html.js';
import { mapHost } from '../../build/modules/map/graph/map-host.js';
import { launchChromium, withFile } from '../test/chromium.mjs';
import { quantile, report } from './figures.mjs';
import { syntheticHost } from './synthetic-host.mjs';

const { positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true });
const processes = Number(positionals[0] ?? 30_000);
const CLICKS = 12;

/** @param {number[]} times */
const told = times => [quantile(times, 0.5).toFixed(0), quantile(times, 1).toFixed(0)];

/**
 * In the page: does it, and waits until it is drawn.
 * @param {{ act: string, argument: string }} what
 */
function drawn({ act, argument }) {
  return new Promise(resolve => {
    const began = performance.now();
    const elements = {
      /** By the picture. */
      circle: () => document.querySelectorAll('#picture [data-at]')[Number(argument)],
      /** By the search, whose result it is. */
      result: () => document.querySelector('#results button'),
    };
    if (act === 'scope') {
      const range = /** @type {HTMLInputElement} */ (document.getElementById('scope'));
      range.value = argument;
      range.dispatchEvent(new Event('input', { bubbles: true }));
    } else if (act === 'type') {
      const input = /** @type {HTMLInputElement} */ (document.getElementById('search'));
      input.value = argument;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    } else {
      elements[/** @type {'circle' | 'result'} */ (act)]()?.dispatchEvent(
        new MouseEvent('click', { bubbles: true }),
      );
    }
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      // After the frame that this one asks for is made.
      channel.port1.onmessage = () => requestAnimationFrame(() => resolve(performance.now() - began));
      channel.port2.postMessage(null);
    });
  });
}

const snapshot = {
  ...syntheticHost(1, processes),
  name: 'synthetic',
  takenAt: '2026-01-01T00:00:00Z',
  nodes: new Map(),
};
const map = mapHost(snapshot);
const html = htmlPage(snapshot, map);
console.log(
  `${map.processes} processes, ${map.classes.length} classes, ${map.edges?.length} edges between them; the page: ${(Buffer.byteLength(html) / 1e6).toFixed(2)} MB`,
);

const browser = await launchChromium();
try {
  await withFile(html, async address => {
    /** @param {string} where @param {string} ready */
    const opening = async (where, ready) => {
      const times = [];
      for (let i = 0; i < 5; i++) {
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
        const began = performance.now();
        await page.goto(where);
        await page.waitForSelector(ready);
        await page.evaluate(
          () => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))),
        );
        times.push(performance.now() - began);
        await page.close();
      }
      return told(times);
    };
    const opened = await opening(address, 'html[data-ready]');
    const empty = join(dirname(fileURLToPath(address)), 'empty.html');
    writeFileSync(empty, '<!doctype html><title>empty</title>');
    const beside = await opening(pathToFileURL(empty).href, 'html');

    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(address);
    await page.waitForSelector('html[data-ready]');
    /** @param {string} act @param {string | number} argument */
    const time = (act, argument) => page.evaluate(drawn, { act, argument: `${argument}` });
    const pids = [
      1,
      6,
      ...Array.from({ length: CLICKS - 2 }, (_, at) => 1 + Math.floor(((at + 1) * processes) / CLICKS)),
    ];
    /** @type {{ scopes: number[], clicks: number[], typed: number[], circles: number[] }} */
    const times = { scopes: [], clicks: [], typed: [], circles: [] };
    for (const scope of [0, 1, 2, 3]) {
      times.scopes.push(await time('scope', scope));
      for (const pid of pids) {
        times.typed.push(await time('type', pid));
        times.clicks.push(await time('result', ''));
      }
    }
    await time('scope', 0);
    for (let at = 0; at < CLICKS; at++) times.circles.push(await time('circle', at * 7));
    const { scopes, clicks, typed, circles } = times;
    report('map-page', [opened, beside, ...[clicks, circles, typed, scopes].map(told)]);
  });
} finally {
  await browser.close();
}
