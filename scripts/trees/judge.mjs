// @ts-check
// Compares the audit's answer for a tree with the real one.

/**
 * @typedef {object} Ours
 * @property {string} found the value after the next boot; `unknown`, or `no Yama`
 * @property {string} because
 * @property {string | null} at the file and line
 * @property {string} loading who loads, in the audit's words
 */
/** @typedef {import('./boot.mjs').Boot} Boot */

/** @param {any} report of `tracegate audit --json` @returns {Ours} */
export function oursOf({ rows, loading }) {
  const row = rows.find((/** @type {{ id: string }} */ { id }) => id === 'next-boot');
  if (row === undefined) throw new Error('the audit has no row next-boot');
  const { found, because, file, line } = row;
  return {
    found,
    because,
    at: file === null ? null : `${file}${line === null ? '' : `:${line}`}`,
    loading:
      loading.state === 'loads' ? loading.loader : loading.state === 'nothing-loads' ? 'nothing' : 'unknown',
  };
}

/**
 * `FALSE PASS`: the audit says that the value is 1 or stricter, and the boot brings less. `unknown` needs a reason.
 *
 * @param {Boot} real @param {Ours} ours
 * @returns {'agrees' | 'unknown' | 'FALSE PASS' | 'WRONG'}
 */
export function agreement(real, { found, because }) {
  if (found === real.value) return 'agrees';
  if (found === 'unknown') return because === '' ? 'WRONG' : 'unknown';
  const isWeak = real.value === '0' || real.value === 'no Yama';
  return isWeak && Number(found) >= 1 ? 'FALSE PASS' : 'WRONG';
}
