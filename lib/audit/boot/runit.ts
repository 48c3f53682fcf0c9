import { knownScript } from '../sysctl/known-scripts.js';
import type { FileTree } from '../tree/file-tree.js';
import { type Loading, loads, nothingLoads, unknownLoading } from './loading.js';
import { lineOf } from './script.js';
import { rcLoading } from './sysvinit.js';

const STAGE_1 = '/etc/runit/1';
/** Void's, which stage 1 sources if it can be read; it needs no execute bit. */
const CORE_SERVICE = '/etc/runit/core-services/08-sysctl.sh';

/** Whether runit's stage 1 loads sysctl.d. Void sources scripts of its own; Debian starts the links of rcS.d. */
export function runitLoading(tree: FileTree): Loading {
  const content = tree.read(STAGE_1);
  if (content.kind === 'unreadable') return unknownLoading(content.cause, { file: STAGE_1 });
  if (content.kind === 'nothing') return unknownLoading(`there is no ${STAGE_1}`, { file: null });
  if (lineOf(content.text, /\/etc\/runit\/core-services\/\*\.sh/) !== null) return voidLoading(tree);
  const line = lineOf(content.text, /\/etc\/rcS\.d\/S\*/);
  if (line !== null) return debianLoading(tree);
  return unknownLoading(`${STAGE_1} is a script of another making`, { file: STAGE_1 });
}

function voidLoading(tree: FileTree): Loading {
  const script = tree.read(CORE_SERVICE);
  if (script.kind === 'unreadable') return unknownLoading(script.cause, { file: CORE_SERVICE });
  if (script.kind === 'nothing') return nothingLoads(`there is no ${CORE_SERVICE}`, { file: STAGE_1 });
  if (knownScript(script.text, 'void') === null)
    return unknownLoading(`${CORE_SERVICE} is a script of another making`, { file: CORE_SERVICE });
  return loads('void', `${STAGE_1} runs the script of Void`, { file: CORE_SERVICE });
}

function debianLoading(tree: FileTree): Loading {
  for (const file of ['/etc/runit/native.boot.run', '/etc/runit/no.emulate.sysv.d/procps'])
    if (tree.resolve(file).kind !== 'missing')
      return file.endsWith('procps')
        ? nothingLoads(`${file} disables the script`, { file })
        : unknownLoading(`${file} replaces the scripts of rcS.d`, { file });
  return rcLoading(tree, []);
}
