// @ts-check
// zig's compilers for another machine, as programs: make and node-gyp take one word for each.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zigProgram } from '../../npm-cache.mjs';

/** Returns what to set in the environment. @param {string} directory a new one @param {string} target */
export function zigCompilers(directory, target) {
  const zig = zigProgram();
  mkdirSync(directory);
  /** @type {Record<string, string>} */
  const words = { cc: `cc -target ${target}`, 'c++': `c++ -target ${target}`, ar: 'ar' };
  for (const [name, start] of Object.entries(words)) {
    writeFileSync(join(directory, name), `#!/bin/sh\nexec '${zig}' ${start} "$@"\n`);
    chmodSync(join(directory, name), 0o755);
  }
  const [CC, CXX, AR] = ['cc', 'c++', 'ar'].map(name => join(directory, name));
  return { CC, CXX, LINK: CXX, AR };
}
