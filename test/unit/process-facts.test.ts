// Facts that are derived from other facts, such as dumpable from the owner of a file.
import { expect, it } from 'vitest';
import { dumpableFromOwner } from '../../lib/kernel/process-memory.js';
import { parseNamespaceRoot } from '../../lib/kernel/user-namespace.js';

it('the root of a user namespace is what 0 is mapped to', () => {
  expect(parseNamespaceRoot('         0          0 4294967295\n')).toBe(0);
  expect(parseNamespaceRoot('       5   9 1\n  0  100000  65536\n')).toBe(100000);
  expect(parseNamespaceRoot('      1000       1000          1\n')).toBeNull();
  expect(parseNamespaceRoot('         0 4294967295          1\n')).toBeNull();
  expect(parseNamespaceRoot('')).toBeNull();
});

type Ids = [uid: number | null, gid: number | null];

it.each<[Ids, Ids, (number | null | Ids)[], boolean | null, string]>([
  // owner, effective ids, roots of the namespaces that the memory may belong to: the uid and the gid, or one that is both
  [[1000, 1000], [1000, 1000], [0], true, 'its own ids own it'],
  [[0, 0], [1000, 1000], [0], false, 'root owns it'],
  [[0, 0], [0, 0], [0], null, 'a process of root looks alike either way'],
  [[0, 5], [0, 5], [0], true, 'but for its group, if that is another than root'],
  [[0, 0], [0, 5], [0], false, 'and root owns it'],
  [[100000, 100000], [100000, 100000], [100000, 0], null, "a namespace's root looks alike either way"],
  [[1000, 1000], [1000, 1000], [null, 0], null, 'the root of a namespace that is not seen could be anyone'],
  [[0, 0], [101000, 101000], [100000, 0], false, 'the root of the namespace above owns it'],
  [[0, 1000], [0, 1000], [[0, 1000], 0], null, 'the root of a namespace with a gid map alone'],
  [[0, 0], [0, 0], [[0, 1000]], true, "its own group, which isn't that root's"],
  [[0, 1000], [0, 1000], [[0, null]], null, 'the group of a namespace that is not seen could be any'],
  [[null, null], [1000, 1000], [0], null, 'the owner is an id that we do not have'],
  [[1000, 1000], [null, null], [0], null, 'it has ids that we do not have'],
])('owner %j, ids %j, roots %j: dumpable %s (%s)', (owner, effective, roots, expected, _) => {
  const [uid, gid] = owner;
  const [effectiveUid, effectiveGid] = effective;
  const owners = roots.map(root =>
    Array.isArray(root) ? { uid: root[0], gid: root[1] } : { uid: root, gid: root },
  );
  expect(dumpableFromOwner({ uid, gid }, { uid: effectiveUid, gid: effectiveGid }, owners)).toBe(expected);
});
