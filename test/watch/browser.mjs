// Renders a page in Chromium's own sandbox, and says what the browser says of that.
import { launchChromium } from '../../scripts/test/chromium.mjs';

const browser = await launchChromium({ isSandboxed: true });
const page = await browser.newPage();
page.setDefaultTimeout(0);
await page.setContent(
  '<p>before</p><script>document.querySelector("p").textContent = "6*7=" + 6 * 7</script>',
);
console.log(await page.textContent('p'));
await page.goto('chrome://sandbox');
console.log(await page.innerText('body'));
await browser.close();
