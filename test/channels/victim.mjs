// A program of an ordinary user that holds a secret in every place that a program may. argv: the dist directory, the
// uid and gid to drop to ("" to stay), the directory that it works in, and an argument that is a secret too.
//
// It makes the secrets in memory itself, and prints only their digests.
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import inspector from 'node:inspector';
import { Worker } from 'node:worker_threads';

const [, , dist, id, directory, marker] = process.argv;
const tracegate = await import(`${dist}/index.js`);

if (id) {
  tracegate.getDumpable(); // loads the addon while its directory can still be read
  process.setgroups([]);
  process.setgid(Number(id));
  process.setuid(Number(id));
  // As a program that this user started: the change of ids had closed it (kernel/cred.c, commit_creds()).
  tracegate.setDumpable('user');
}
process.chdir(directory);

const digest = text => createHash('sha256').update(text).digest('hex');

/** Digits that are in no string, as they would be of a key that was decoded into a Buffer. */
function heldInBuffer() {
  const buffer = Buffer.alloc(marker.length + 32, marker, 'latin1');
  const digits = Buffer.from('0123456789abcdef');
  for (let i = 0; i < 16; i++) {
    const [byte] = randomBytes(1);
    buffer[marker.length + 2 * i] = digits[byte >> 4];
    buffer[marker.length + 2 * i + 1] = digits[byte & 15];
  }
  return buffer;
}

const buffer = heldInBuffer();
// One piece, and not a rope of two.
const string = Buffer.from(marker + randomBytes(16).toString('hex')).toString('latin1');
globalThis.held = { buffer, string };

/** A file that has no name any more. */
function heldInFile() {
  const text = marker + randomBytes(16).toString('hex');
  const fd = openSync('unlinked', 'wx+', 0o600);
  writeSync(fd, text);
  rmSync('unlinked');
  return { fd, digest: digest(text.slice(marker.length)) };
}

const file = heldInFile();
const WRITTEN = Buffer.from(marker + randomBytes(16).toString('hex'));

const functions = {
  ...tracegate,
  held: () => ({
    fd: file.fd,
    digests: {
      buffer: digest(buffer.subarray(marker.length)),
      string: digest(string.slice(marker.length)),
      file: file.digest,
      written: digest(WRITTEN.subarray(marker.length)),
    },
  }),
  /** That it runs, and has come to its events since. */
  answer: () => true,
  usr1Listeners: () => process.listenerCount('SIGUSR1'),
  inspector: () => inspector.url() ?? null,
  /** denyTracing() on another thread than the process' first. */
  denyInWorker: async options => {
    const source = `import('file://${dist}/index.js').then(({ denyTracing }) => denyTracing(${JSON.stringify(options)}))
      .then(report => require('node:worker_threads').parentPort.postMessage(report));`;
    const [report] = await once(new Worker(source, { eval: true }), 'message');
    return report;
  },
  openInspector: () => inspector.open(),
  /** A worker, which has the environment and no other secret: the port of its inspector. */
  openInspectorOfWorker: async () => {
    const source = `globalThis.held = { string: '', buffer: '' };
      const inspector = require('node:inspector');
      inspector.open(0);
      require('node:worker_threads').parentPort.postMessage(Number(new URL(inspector.url()).port));
      setInterval(() => {}, 1000);`;
    const [port] = await once(new Worker(source, { eval: true }), 'message');
    return port;
  },
  /** Two ways to end it: an uncaught exception, and a full heap. */
  fail: () => {
    setImmediate(() => {
      throw new Error('uncaught');
    });
  },
  fill: () => {
    const all = [];
    for (;;) all.push(new Array(1e5).fill(all.length));
  },
  /** Work without an end. */
  compute: () => {
    setImmediate(() => {
      for (;;);
    });
  },
  /** What strace sees of it. */
  write: () => {
    const fd = openSync('/dev/null', 'w');
    writeSync(fd, WRITTEN);
    closeSync(fd);
  },
  /** Core dumps to files as long as they are, or (0) none. */
  limitCores: soft => {
    const { status, stderr } = spawnSync('prlimit', [`--pid=${process.pid}`, `--core=${soft}:`], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
  },
};

process.on('message', async ({ name, args }) => {
  try {
    process.send({ value: (await functions[name](...args)) ?? null });
  } catch (error) {
    process.send({ error: { name: error.name, code: error.code, message: error.message } });
  }
});
process.once('disconnect', () => process.exit());
process.send({ value: 'ready' });
