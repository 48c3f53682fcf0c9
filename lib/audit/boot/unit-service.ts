import type { FileTree } from '../tree/file-tree.js';
import { type Loading, loads, nothingLoads, unknownLoading } from './loading.js';
import { sysctlSystem } from './sysctl-program.js';
import { conditionsOf } from './unit-conditions.js';
import { listed, type Unit, type UnitSetting } from './unit-files.js';

/**
 * Settings that don't change what the service does. Any other setting makes the answer unknown: ProtectKernelTunables=, for
 * example, would close /proc/sys.
 */
const HARMLESS: Record<string, ReadonlySet<string>> = {
  Unit: new Set([
    'Description',
    'Documentation',
    'DefaultDependencies',
    'After',
    'Before',
    'Wants',
    'SourcePath',
    'RequiresMountsFor',
    'WantsMountsFor',
    'JobTimeoutSec',
    'JobRunningTimeoutSec',
    'StartLimitIntervalSec',
    'StartLimitBurst',
    'OnFailure',
    'RefuseManualStart',
    'RefuseManualStop',
    'IgnoreOnIsolate',
    'SurviveFinalKillSignal',
  ]),
  Service: new Set([
    'RemainAfterExit',
    'TimeoutSec',
    'TimeoutStartSec',
    'TimeoutStopSec',
    'TimeoutAbortSec',
    'TimeoutStopFailureMode',
    'TimeoutStartFailureMode',
    'Restart',
    'RestartSec',
    'Nice',
    'OOMScoreAdjust',
    'Slice',
    'KillMode',
    'StandardOutput',
    'StandardError',
    'SyslogIdentifier',
    'LogLevelMax',
    'CPUAccounting',
    'MemoryAccounting',
    'TasksAccounting',
    'IOAccounting',
  ]),
};
/** The shipped unit has these values. */
const SHIPPED: readonly [section: string, key: string, value: RegExp][] = [
  ['Unit', 'Conflicts', /^(shutdown\.target|initrd-switch-root\.target|\s)*$/],
  ['Service', 'Type', /^(oneshot|simple|exec)$/],
  ['Service', 'LoadCredential', /^sysctl\.extra$/],
  ['Service', 'ImportCredential', /^sysctl\.\*$/],
];

const isCondition = (key: string) => /^(Condition|Assert)[A-Z]/.test(key);

function isHarmless({ section, key, value }: UnitSetting): boolean {
  if (section !== 'Unit' && section !== 'Service') return true;
  if (HARMLESS[section]?.has(key)) return true;
  if (section === 'Unit' && isCondition(key)) return true;
  if (section === 'Service' && key === 'ExecStart') return true;
  return SHIPPED.some(([of, name, pattern]) => of === section && name === key && pattern.test(value));
}

/** The loader that a started service runs. Any ExecStart= but a plain systemd-sysctl or `sysctl --system` is unknown. */
export function serviceLoading(
  tree: FileTree,
  unit: Unit & { state: 'loaded' },
  words: readonly string[],
): Loading {
  const condition = conditionsOf(tree, unit.settings, words);
  if (condition !== null) return condition;
  const other = unit.settings.find(setting => !isHarmless(setting));
  if (other !== undefined)
    return unknownLoading(`${other.key}=${other.value} is not modelled for ${unit.id}`, other);
  const [command, second] = listed(unit.settings, 'Service', 'ExecStart');
  if (command === undefined) return nothingLoads(`${unit.id} has no ExecStart=`, unit);
  if (second !== undefined)
    return unknownLoading(`${unit.id} runs several commands; the second is ${second.value}`, second);
  const [program = '', ...words_] = command.value.replace(/^[-@:+!|]+/, '').split(/\s+/);
  const name = program.slice(program.lastIndexOf('/') + 1);
  if (name === 'sysctl' && words_.includes('--system') && words_.every(word => HARMLESS_OPTIONS.has(word)))
    return sysctlSystem(tree, program, command);
  if (name !== 'systemd-sysctl' || words_.length > 0)
    return unknownLoading(`${unit.id} runs ${command.value}`, command);
  const found = tree.resolve(program.startsWith('/') ? program : `/usr/lib/systemd/${program}`);
  if (found.kind === 'unreadable') return unknownLoading(found.cause, command);
  if (found.kind !== 'file') return nothingLoads(`${program} of ${unit.id} is not there`, command);
  if (!found.path.endsWith('/systemd-sysctl'))
    return unknownLoading(`${program} of ${unit.id} is ${found.path}`, command);
  return loads('systemd-sysctl', `systemd starts ${unit.id}`, command);
}

const HARMLESS_OPTIONS = new Set(['--system', '-q', '--quiet', '-e', '--ignore']);
