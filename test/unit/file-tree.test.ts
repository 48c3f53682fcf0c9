// Reading a directory tree as a root directory: links, loops, and files that would block.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { link, plantFiles } from '../sysctl/planted.js';

it('an absolute link begins at the root, and .. ends there', () => {
  const root = plantFiles({
    '/etc/a': link('/data/x'),
    '/etc/b': link('../../../../../../data/x'),
    '/etc/c': link('/etc/a'),
    '/etc/passwd': link('/etc/shadow'),
    '/data/x': 'inside',
  });
  writeFileSync(join(dirname(root), 'x'), 'outside');
  const tree = openFileTree(root);
  for (const path of ['/etc/a', '/etc/b', '/etc/c', '/etc/../../data/x', '/data/./x']) {
    expect(tree.read(path)).toEqual({ kind: 'text', text: 'inside' });
    expect(tree.resolve(path)).toMatchObject({ kind: 'file', path: '/data/x' });
  }
  // The host has an /etc/shadow.
  expect(tree.read('/etc/passwd')).toEqual({ kind: 'nothing', because: 'missing' });
  expect(tree.read('/../x')).toEqual({ kind: 'nothing', because: 'missing' });
});

it('a directory behind a link is listed, and a root that is a link itself is a root', () => {
  const root = plantFiles({ '/etc/d': link('/data'), '/data/one': '', '/data/two/': '' });
  expect(openFileTree(root).list('/etc/d')).toEqual({
    kind: 'names',
    names: expect.arrayContaining(['one', 'two']),
  });
  expect(openFileTree(root).list('/etc/d/one')).toEqual({ kind: 'nothing' });
  expect(openFileTree(root).list('/nowhere')).toEqual({ kind: 'nothing' });
});

it('loops, dangling links, directories and the null device hold nothing', () => {
  const root = plantFiles({
    '/etc/loop': link('loop'),
    '/etc/ping': link('pong'),
    '/etc/pong': link('ping'),
    '/etc/dangling': link('/nowhere'),
    '/etc/null': link('/dev/null'),
    '/etc/near': link('../dev/null'),
    '/etc/through': link('/data/x/y'),
    '/data/x': '',
  });
  const tree = openFileTree(root);
  const because = (path: string) => {
    const content = tree.read(path);
    return content.kind === 'nothing' ? content.because : content;
  };
  expect(['/etc/loop', '/etc/ping', '/etc/pong'].map(because)).toEqual(['loop', 'loop', 'loop']);
  expect(['/etc/dangling', '/etc/through'].map(because)).toEqual(['missing', 'missing']);
  expect(['/etc/null', '/etc/near'].map(because)).toEqual(['null-device', 'null-device']);
  expect(because('/etc')).toBe('directory');
});

it('a file that would block is not opened, and a file that is too large is not read', () => {
  const root = plantFiles({ '/etc/large': 'x'.repeat(11), '/etc/fits': 'x'.repeat(10) });
  execFileSync('mkfifo', [join(root, 'etc/fifo')]);
  const tree = openFileTree(root, { largestFile: 10 });
  expect(tree.read('/etc/fifo')).toEqual({ kind: 'unreadable', cause: '/etc/fifo is a fifo' });
  expect(tree.read('/etc/large')).toEqual({
    kind: 'unreadable',
    cause: '/etc/large is larger than 10 bytes',
  });
  expect(tree.read('/etc/fits')).toEqual({ kind: 'text', text: 'x'.repeat(10) });
});

it('bytes stay unchanged, also in names', () => {
  const root = plantFiles({ '/etc/\xff\xfe': '\x00\x80\xff' });
  const tree = openFileTree(root);
  expect(tree.list('/etc')).toEqual({ kind: 'names', names: ['\xff\xfe'] });
  expect(tree.read('/etc/\xff\xfe')).toEqual({ kind: 'text', text: '\x00\x80\xff' });
});
