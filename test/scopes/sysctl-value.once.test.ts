// How the kernel reads the text of a sysctl: each text is written to the lab's fs.suid_dumpable. ptrace_scope
// doesn't matter, so one scope is enough.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Written, writeSuidDumpable } from '../../lib/audit/sysctl/value.js';
import { Random } from '../differential/random.js';
import { SEED, times } from '../helpers/tier.js';
import { kernelName, labScope } from './scope.js';

const KNOB = '/proc/sys/fs/suid_dumpable';
const TEXTS = times(1000, 5000);
const PARTS = [...' \t\v\f\r\xa0-+"#,xXaf0123456789', '', '0x', '00000000000000000', '4294967296', '\n'];

const read = () => readFileSync(KNOB, 'latin1').trim();

function written(current: string, text: string): Written['accepted'] {
  writeFileSync(KNOB, current);
  try {
    writeFileSync(KNOB, Buffer.from(`${text}\n`, 'latin1'));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'EINVAL' });
    return false;
  }
}

describe.runIf(labScope !== null)(`fs.suid_dumpable (${kernelName})`, () => {
  const before = labScope === null ? '' : read();
  afterAll(() => writeFileSync(KNOB, before));

  it('accepts the texts that the model accepts, and keeps the value', () => {
    const random = new Random(SEED);
    const seen = { accepted: 0, refused: 0 };
    const different: unknown[] = [];
    for (let drawn = 0; drawn < TEXTS; drawn++) {
      const current = `${random.below(3)}`;
      const text = Array.from({ length: 1 + random.below(4) }, () => random.pick(PARTS)).join('');
      const expected = writeSuidDumpable(current, text);
      const accepted = written(current, text);
      const value = read();
      seen[accepted ? 'accepted' : 'refused'] += 1;
      if (accepted !== expected.accepted || value !== (expected.accepted ? expected.value : current))
        different.push({ seed: SEED, current, text, accepted, value, expected });
    }
    expect(different).toEqual([]);
    // Most are refused.
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(TEXTS / 100);
  });
});
