import type { FileTree } from '../tree/file-tree.js';
import { type Loading, nothingLoads, unknownLoading } from './loading.js';
import type { UnitSetting } from './unit-files.js';

type Holds = 'yes' | 'no' | 'unknown';

/** Directories of the root file system. Others may be mounts, or empty until the boot fills them. */
const OF_THE_TREE = /^\/(etc|usr|bin|sbin|lib|lib64)(\/|$)/;

function testOf(tree: FileTree, kind: string, value: string, words: readonly string[]): Holds {
  if (kind === 'KernelCommandLine') {
    const isThere = words.some(
      word => word === value || (!value.includes('=') && word.startsWith(`${value}=`)),
    );
    return isThere ? 'yes' : 'no';
  }
  if (kind === 'PathIsReadWrite' && /^\/proc\/sys(\/|$)/.test(value)) return 'yes';
  if (!OF_THE_TREE.test(value) || value.includes('%')) return 'unknown';
  const found = tree.resolve(value);
  if (found.kind === 'unreadable') return 'unknown';
  const isThere = found.kind !== 'missing' && found.kind !== 'loop';
  const decided = (holds: boolean): Holds => (holds ? 'yes' : 'no');
  switch (kind) {
    case 'PathExists':
      return decided(isThere);
    case 'PathIsDirectory':
      return decided(found.kind === 'directory');
    case 'PathIsSymbolicLink':
      return decided(tree.readLink(value) !== null);
    case 'FileIsExecutable':
      return decided(found.kind === 'file' && found.isExecutable);
    case 'FileNotEmpty': {
      const content = tree.read(value);
      return content.kind === 'unreadable'
        ? 'unknown'
        : decided(content.kind === 'text' && content.text !== '');
    }
    case 'DirectoryNotEmpty': {
      const listing = tree.list(value);
      return listing.kind === 'unreadable'
        ? 'unknown'
        : decided(listing.kind === 'names' && listing.names.length > 0);
    }
    default:
      return 'unknown';
  }
}

/** The conditions of a group. An empty assignment clears the whole list, whatever its kind. */
export function conditionLines(
  settings: readonly UnitSetting[],
  group: 'Condition' | 'Assert',
): UnitSetting[] {
  const all = settings.filter(({ section, key }) => section === 'Unit' && key.startsWith(group));
  return all.slice(all.findLastIndex(({ value }) => value === '') + 1);
}

/**
 * Judges the conditions (or asserts) of a unit. All must hold, and of those with `|` at least one.
 *
 * systemd: src/shared/condition.c, condition_test_list()
 *
 * @returns null if all hold
 */
export function conditionsOf(
  tree: FileTree,
  settings: readonly UnitSetting[],
  words: readonly string[],
): Loading | null {
  for (const group of ['Condition', 'Assert'] as const) {
    const tests = conditionLines(settings, group).map(setting => {
      const [, mark = '', value = ''] = /^([|!\s]*)(.*)$/s.exec(setting.value) ?? [];
      const holds = testOf(tree, setting.key.slice(group.length), value, words);
      const isNegated = mark.includes('!');
      const result: Holds = holds === 'unknown' ? holds : (holds === 'yes') === !isNegated ? 'yes' : 'no';
      return { setting, isTrigger: mark.includes('|'), result };
    });
    const must = tests.filter(({ isTrigger }) => !isTrigger);
    const triggers = tests.filter(({ isTrigger }) => isTrigger);
    const spelled = ({ key, value }: UnitSetting) => `${key}=${value}`;
    const failing = must.find(({ result }) => result === 'no');
    if (failing !== undefined)
      return nothingLoads(`${spelled(failing.setting)} does not hold`, failing.setting);
    const open = must.find(({ result }) => result === 'unknown');
    if (open !== undefined)
      return unknownLoading(`the tree does not show whether ${spelled(open.setting)} holds`, open.setting);
    const [first] = triggers;
    if (first === undefined || triggers.some(({ result }) => result === 'yes')) continue;
    const unsure = triggers.find(({ result }) => result === 'unknown');
    if (unsure !== undefined)
      return unknownLoading(
        `the tree does not show whether ${spelled(unsure.setting)} holds`,
        unsure.setting,
      );
    return nothingLoads(`${spelled(first.setting)} does not hold`, first.setting);
  }
  return null;
}
