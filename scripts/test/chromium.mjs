// Debian's Chromium, headless, that asks the network for nothing of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Playwright gives Chromium a fresh profile, and ends it with this process.
 * @param {{ isShell?: boolean, isSandboxed?: boolean }} [options] `isShell`: the same engine without browser windows, which takes a
 *   third of the CPU time. `isSandboxed`: in Chromium's own sandbox, which root can't have
 */
export const launchChromium = ({ isShell = false, isSandboxed = false } = {}) =>
  chromium.launch({
    // The shell's program in /usr/bin is a script that stays between.
    executablePath: isShell ? '/usr/lib/chromium/chromium-headless-shell' : '/usr/bin/chromium',
    args: ARGUMENTS,
    chromiumSandbox: isSandboxed,
    headless: true,
    // A machine that translates each instruction needs minutes.
    timeout: 0,
  });

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
