// The victim of `tracegate demo`: a Node process that holds a secret. Its parent sends it commands; without a parent it
// ends.
import { getDumpable, setDumpable } from '../kernel/dumpable.js';
import { native } from '../kernel/native.js';
import { setPtracer } from '../kernel/ptracer.js';
import type { VictimCommand, VictimReply, VictimStart } from './protocol.js';

const start = JSON.parse(process.argv[2] ?? '') as VictimStart;

// Loaded as root, perhaps from a directory that the unprivileged user can't read, and only then dropped. A change of ids
// makes a process non-dumpable (kernel/cred.c, commit_creds); one that was started by that user would be dumpable.
if (process.getuid?.() !== start.uid) {
  native();
  process.setgroups?.([]);
  process.setgid?.(start.gid);
  process.setuid?.(start.uid);
  setDumpable('user');
}

let secret = '';

function obey(command: VictimCommand): VictimReply {
  if (command.name === 'hold') secret = command.secret;
  if (command.name === 'opt-out') setDumpable('disabled');
  if (command.name === 'declare') {
    // Declared first, opened then: the other way round anyone could slip in.
    const ptracer = setPtracer(command.debugger);
    setDumpable('user');
    return { dumpable: getDumpable(), ptracer, held: secret.length };
  }
  return { dumpable: getDumpable(), ptracer: null, held: secret.length };
}

process.on('message', (command: VictimCommand) => process.send?.(obey(command)));
process.once('disconnect', () => process.exit());
