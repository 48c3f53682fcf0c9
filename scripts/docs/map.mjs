// Writes docs/map-small.png and docs/map-large.png: the map's page of two made-up hosts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { htmlPage } from '../../build/modules/map/formats/html.js';
import { mapHost } from '../../build/modules/map/graph/map-host.js';
import { syntheticHost } from '../bench/synthetic-host.mjs';
import { launchChromium, withFile } from '../test/chromium.mjs';
import { withPalette } from './palette-png.mjs';

const MOST_BYTES = 200_000;

const PICTURES = [
  { name: 'small', processes: 220, seed: 7, program: 'bash', colorScheme: /** @type {const} */ ('light') },
  { name: 'large', processes: 20_000, seed: 7, program: 'gdb', colorScheme: /** @type {const} */ ('dark') },
];

const browser = await launchChromium();
try {
  for (const { name, processes, seed, program, colorScheme } of PICTURES) {
    const snapshot = {
      ...syntheticHost(seed, processes),
      name: `${name}.example`,
      takenAt: '2026-01-01T00:00:00Z',
      nodes: new Map(),
    };
    const html = htmlPage(snapshot, mapHost(snapshot));
    await withFile(html, async address => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 1320 }, colorScheme });
      await page.goto(address);
      await page.waitForSelector('html[data-ready]');
      await page.fill('#search', program);
      await page.click('#results button');
      await page.evaluate('scrollTo(0, 0)');
      const picture = withPalette(await page.screenshot());
      await page.close();
      writeFileSync(join(import.meta.dirname, '..', '..', 'docs', `map-${name}.png`), picture);
      console.log(`docs/map-${name}.png: ${picture.length} bytes`);
      if (picture.length > MOST_BYTES) process.exitCode = 1;
    });
  }
} finally {
  await browser.close();
}
