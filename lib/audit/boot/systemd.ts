import type { FileTree } from '../tree/file-tree.js';
import { valuesOf } from './command-line.js';
import { type Loading, nothingLoads, unknownLoading } from './loading.js';
import { type Dependency, type Unit, UnitFiles } from './unit-files.js';
import { serviceLoading } from './unit-service.js';

const SERVICE = 'systemd-sysctl.service';
/** Words of the command line that choose a target: src/core/main.c, runlevel_to_target() */
const TARGETS: Record<string, string> = {
  emergency: 'emergency.target',
  '-b': 'emergency.target',
  rescue: 'rescue.target',
  single: 'rescue.target',
  '-s': 'rescue.target',
  s: 'rescue.target',
  S: 'rescue.target',
  1: 'rescue.target',
  2: 'multi-user.target',
  3: 'multi-user.target',
  4: 'multi-user.target',
  5: 'graphical.target',
};
const mangled = (name: string) => (/\.\w+$/.test(name) ? name : `${name}.service`);

function defaultTarget(words: readonly string[]): string {
  let target = 'default.target';
  for (const word of words) {
    if (word.startsWith('systemd.unit=')) target = mangled(word.slice('systemd.unit='.length));
    else target = TARGETS[word] ?? target;
  }
  return target;
}

interface Start {
  /** What pulls systemd-sysctl.service in; null if nothing does. */
  by: Dependency | null;
  /** A unit of this boot that conflicts with it. */
  conflict: Omit<Dependency, 'isRequired'> | null;
  unreadable: { path: string; cause: string }[];
}

/**
 * Finds the unit that is missing or masked, and without which a unit can't be started. Units that require each other are no
 * obstacle.
 *
 * systemd: src/core/transaction.c, transaction_add_job_and_dependencies()
 *
 * @param startable names without an obstacle; the call adds to them
 */
function obstacleOf(units: UnitFiles, name: string, startable: Set<string>): Unit | null {
  const required = new Set([name]);
  for (const one of required) {
    if (startable.has(one)) continue;
    const unit = units.load(one);
    if (unit.state !== 'loaded') return unit;
    for (const dependency of units.dependencies(unit, false))
      if (dependency.isRequired) required.add(dependency.name);
  }
  for (const one of required) startable.add(one);
  return null;
}

/** Follows what the default target pulls in. */
function startOf(units: UnitFiles, first: readonly Dependency[], takesUpholds: boolean): Start {
  const start: Start = { by: null, conflict: null, unreadable: units.unreadable };
  const wanted = [...first];
  const seen = new Set<string>();
  const startable = new Set<string>();
  const own = units.load(SERVICE);
  const isOwn = (name: string) => name === SERVICE || (own.state === 'loaded' && own.names.includes(name));
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    if (isOwn(next.name)) {
      start.by ??= next;
      continue;
    }
    const unit = units.load(next.name);
    if (unit.state === 'unreadable') start.unreadable.push({ path: unit.file, cause: unit.cause });
    if (unit.state !== 'loaded' || seen.has(unit.id)) continue;
    seen.add(unit.id);
    wanted.push(
      ...units
        .dependencies(unit, takesUpholds)
        .filter(({ name }) => obstacleOf(units, name, startable) === null),
    );
    const { id } = unit;
    const conflict = unit.settings.find(
      ({ section, key, value }) =>
        section === 'Unit' && key === 'Conflicts' && value.split(/\s+/).some(isOwn),
    );
    if (conflict !== undefined) start.conflict ??= { name: id, file: conflict.file, line: conflict.line };
  }
  return start;
}

/** An image's first boot enables units by the presets: src/core/main.c, manager_preset_all() */
function isFirstBoot(tree: FileTree): boolean {
  const id = tree.read('/etc/machine-id');
  return id.kind === 'nothing' || (id.kind === 'text' && /^(uninitialized)?\s*$/.test(id.text));
}

/** systemd.generator(7). Those of packages are in /usr/lib. A link to /dev/null masks a generator there. */
const OWN_GENERATORS = ['/etc/systemd/system-generators', '/usr/local/lib/systemd/system-generators'];

function ownGenerator(tree: FileTree): string | null {
  for (const directory of OWN_GENERATORS) {
    const listing = tree.list(directory);
    if (listing.kind !== 'names') continue;
    const found = listing.names.sort().find(name => {
      const resolved = tree.resolve(`${directory}/${name}`);
      return resolved.kind === 'file' && resolved.isExecutable;
    });
    if (found !== undefined) return `${directory}/${found}`;
  }
  return null;
}

/**
 * Whether systemd runs systemd-sysctl at boot: by its unit with masks, aliases and drop-ins, and by the units that pull it in.
 *
 * systemd: src/core/main.c; src/debug-generator/debug-generator.c for `systemd.mask=` and `systemd.wants=`
 */
export function systemdLoading(tree: FileTree, words: readonly string[]): Loading {
  if (valuesOf(words, 'SYSTEMD_UNIT_PATH').length > 0)
    return unknownLoading('SYSTEMD_UNIT_PATH= of the kernel command line replaces the unit load path', {
      file: '/proc/cmdline',
    });
  const units = new UnitFiles(tree, valuesOf(words, 'systemd.mask').map(mangled));
  const asked = defaultTarget(words);
  const isThere = units.load(asked).state === 'loaded';
  // load_startable_unit_or_warn(): without the default unit, rescue.target starts.
  const target = isThere ? asked : 'rescue.target';
  const file = '/proc/cmdline';
  const obstacle = obstacleOf(units, target, new Set());
  if (obstacle !== null)
    return unknownLoading(
      `systemd can't start ${target}: it requires a unit that is ${obstacle.state}`,
      obstacle,
    );
  const generator = ownGenerator(tree);
  if (generator !== null)
    return unknownLoading(`${generator} makes units at boot, and may mask ${SERVICE}`, { file: generator });
  const first = [target, ...valuesOf(words, 'systemd.wants').map(mangled)];
  const pulled = first.map(name => ({ name, isRequired: false, file, line: null }));
  const start = startOf(units, pulled, false);
  const unit = units.load(SERVICE);
  switch (unit.state) {
    case 'missing':
      return nothingLoads(
        unit.file === null ? `there is no ${SERVICE}` : `${unit.file} is a link that leads nowhere`,
        unit,
      );
    case 'masked':
      return nothingLoads(`${unit.file} masks ${SERVICE}`, unit);
    case 'invalid':
      return nothingLoads(`${unit.id} ${unit.because}`, unit);
    case 'unreadable':
      return unknownLoading(`${unit.file}: ${unit.cause}`, unit);
  }
  const missing = obstacleOf(units, SERVICE, new Set());
  // systemd leaves the job in the transaction in some of these cases: src/core/transaction.c, transaction_add_job_and_dependencies()
  if (missing !== null) return unknownLoading(`${SERVICE} requires a unit that is ${missing.state}`, unit);
  if (start.conflict !== null)
    return unknownLoading(`${start.conflict.name} conflicts with ${SERVICE}`, start.conflict);
  if (start.by !== null) return serviceLoading(tree, unit, words);
  const [unreadable] = start.unreadable;
  if (unreadable !== undefined)
    return unknownLoading(
      `no unit is seen that pulls in ${SERVICE}, and ${unreadable.path} can't be read: ${unreadable.cause}`,
      { file: unreadable.path },
    );
  const upheld = startOf(units, pulled, true).by;
  if (upheld !== null)
    return unknownLoading(`${upheld.file} pulls in ${SERVICE} only since systemd 254`, upheld);
  if (isFirstBoot(tree) && unit.settings.some(({ section }) => section === 'Install'))
    return unknownLoading(
      `nothing pulls in ${SERVICE} yet; the first boot enables it if a preset says so`,
      unit,
    );
  return nothingLoads(`${target} pulls in no ${SERVICE}: the link in sysinit.target.wants is missing`, unit);
}
