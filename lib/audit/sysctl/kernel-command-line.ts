import { simplified } from './line.js';
import type { PlannedWrite } from './plan.js';

/** The file in which the kernel shows its command line. */
export const COMMAND_LINE = '/proc/cmdline';

export interface Parameter {
  name: string;
  /** Null: without `=`. */
  value: string | null;
}

/** The words before `--`; blanks in double quotes don't end a word. Kernel: lib/cmdline.c, next_arg(); kernel/params.c, parse_args() */
export function parameters(commandLine: string): Parameter[] {
  const words = commandLine.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  const all = words.map(word => {
    const bare = word.startsWith('"') ? word.replace(/^"/, '').replace(/"$/, '') : word;
    const equals = bare.indexOf('=');
    if (equals <= 0) return { name: bare, value: null };
    const value = bare.slice(equals + 1);
    return {
      name: bare.slice(0, equals),
      value: value.startsWith('"') ? value.replace(/^"|"$/g, '') : value,
    };
  });
  const end = all.findIndex(({ name, value }) => name === '--' && value === null);
  return end < 0 ? all : all.slice(0, end);
}

/**
 * The values that the kernel writes to `key` before init starts, for `sysctl.KEY=VALUE` on its command line. Every dot of KEY
 * counts as a slash.
 *
 * Kernel: fs/proc/proc_sysctl.c, process_sysctl_arg(), since 5.8
 */
export function commandLineWrites(commandLine: string, key: string): PlannedWrite[] {
  return parameters(commandLine).flatMap(({ name, value }) => {
    const spelled = /^sysctl[./](.*)$/s.exec(name)?.[1]?.replaceAll('.', '/');
    if (spelled === undefined || value === null || spelled.endsWith('/')) return [];
    if (simplified(spelled).replace(/^\//, '') !== key) return [];
    const text = `${name}=${value}`;
    return [
      {
        setting: { file: COMMAND_LINE, line: 1, text, kind: 'assignment', key: spelled, value },
        isCertain: true,
      },
    ];
  });
}

/** True if the command line gives systemd-sysctl lines as a credential. systemd: src/core/import-creds.c */
export function handsOverSettings(commandLine: string): boolean {
  return parameters(commandLine).some(
    ({ name, value }) =>
      /^systemd\.set_credential(_binary)?$/.test(name) && value?.startsWith('sysctl.extra:'),
  );
}
