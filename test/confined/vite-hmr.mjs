// A dev server, and a browser in its own sandbox: a change of a module reaches the page, which is not loaded again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const root = process.cwd();
const say = word =>
  `export const word = '${word}';\nimport.meta.hot.accept(({ word }) => document.body.append(word));\n`;
writeFileSync(
  join(root, 'index.html'),
  '<body><script type="module">import { word } from "/word.js"; document.body.append(word);</script>',
);
writeFileSync(join(root, 'word.js'), say('one'));
const server = await createServer({
  root,
  logLevel: 'error',
  configFile: false,
  server: { port: 0 },
  cacheDir: 'cache',
});
await server.listen();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  chromiumSandbox: true,
  args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage();
await page.goto('chrome://sandbox');
console.log((await page.textContent('body')).match(/You are .*sandboxed\./)?.[0]);
await page.goto(server.resolvedUrls.local[0]);
await page.waitForFunction("document.body.textContent === 'one'");
writeFileSync(join(root, 'word.js'), say('two'));
await page.waitForFunction("document.body.textContent === 'onetwo'");
console.log('the page has both words');
await browser.close();
await server.close();
