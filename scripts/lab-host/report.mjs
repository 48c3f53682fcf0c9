// @ts-check
// A guest's report on one scope, from its control channel. See lab-guest/init.sh.
import { constants } from 'node:os';

/** @typedef {{ code: number } | { code: 70, reason: string }} Verdict */

export class Report {
  /** The guest's last word. @type {Verdict | null} */
  verdict = null;
  isRunning = false;
  #unread = '';

  /** @param {string} text */
  read(text) {
    const lines = (this.#unread + text).split(/\r?\n/);
    this.#unread = lines.pop() ?? '';
    for (const line of lines) this.#readLine(line);
  }

  /** @param {string} line */
  #readLine(line) {
    const [word = ''] = line.split(' ', 1);
    const value = line.slice(word.length + 1);
    if (word === 'running' && this.isRunning) this.#fail('the guest started a second time');
    else if (word === 'running') this.isRunning = true;
    else if (word === 'exit') this.verdict = { code: Number(value) };
    else if (word === 'signal')
      this.verdict = { code: 70, reason: `the command was killed by ${signalName(Number(value))}` };
    else if (word === 'failed') this.#fail(value);
  }

  /** Nothing that the guest sends after this counts. @param {string} reason */
  #fail(reason) {
    this.verdict = { code: 70, reason };
    this.isRunning = false;
  }
}

/** @param {number} number */
function signalName(number) {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
