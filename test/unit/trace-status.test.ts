import { expect, it } from 'vitest';
import { dumpableFromOwner, parseNamespaceRoot } from '../../lib/kernel/trace-status.js';

it('the root of a user namespace is what 0 is mapped to', () => {
  expect(parseNamespaceRoot('         0          0 4294967295\n')).toBe(0);
  expect(parseNamespaceRoot('       5   9 1\n  0  100000  65536\n')).toBe(100000);
  expect(parseNamespaceRoot('      1000       1000          1\n')).toBeNull();
  expect(parseNamespaceRoot('')).toBeNull();
});

it.each<[number, number, boolean, number, boolean | null, string]>([
  // owner, effective uid, same namespace as ours, that namespace's root
  [1000, 1000, true, 0, true, 'its own uid owns it'],
  [0, 1000, true, 0, false, 'root owns it'],
  [0, 0, true, 0, null, 'a process of root looks alike either way'],
  [100000, 100000, false, 100000, null, "so does a namespace's root"],
  [1000, 1000, false, 100000, null, 'the root of a namespace between could be anyone'],
  [100000, 101000, false, 100000, false, "a namespace's root owns it"],
])('owner %d, uid %d, our namespace %s, root %d: %s (%s)', (owner, uid, same, root, expected, _) => {
  expect(dumpableFromOwner(owner, uid, same, root)).toBe(expected);
});
