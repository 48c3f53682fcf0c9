// Debian's Chromium, headless, that asks the network for nothing of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Playwright gives it a fresh profile of its own, and ends it with this process. */
export const launchChromium = () =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS, headless: true });

/**
 * A page as a file while something is done with it.
 * @template Result @param {string} html @param {(address: string) => Promise<Result>} use
 */
export async function withFile(html, use) {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-page-'));
  try {
    const file = join(directory, 'map.html');
    writeFileSync(file, html);
    return await use(pathToFileURL(file).href);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
