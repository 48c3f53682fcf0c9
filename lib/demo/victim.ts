// The victim of `tracegate demo`: a Node process that holds a secret. Its parent sends commands. The victim ends when its
// parent disconnects.
import { getDumpable, setDumpable } from '../kernel/dumpable.js';
import { native } from '../kernel/native.js';
import { setPtracer } from '../kernel/ptracer.js';
import type { VictimCommand, VictimReply, VictimStart } from './protocol.js';

const start = JSON.parse(process.argv[2] ?? '') as VictimStart;

// The addon is loaded as root, because the unprivileged user may not be able to read its directory. Root is dropped after
// that. A change of ids clears the dumpable flag (kernel/cred.c, commit_creds); a program of that user would be dumpable.
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
    // The debugger is declared before the process becomes dumpable. In the other order any neighbour could attach in
    // between.
    const ptracer = setPtracer(command.debugger);
    setDumpable('user');
    return { dumpable: getDumpable(), ptracer, held: secret.length };
  }
  return { dumpable: getDumpable(), ptracer: null, held: secret.length };
}

process.on('message', (command: VictimCommand) => process.send?.(obey(command)));
process.once('disconnect', () => process.exit());
