import type { FileTree } from '../tree/file-tree.js';
import { type IdleSetting, idle, PlanReader, type SysctlLoad, type SysctlPlan } from './plan.js';

/** A file outside the directories, which only procps reads. */
export const SYSCTL_CONF = '/etc/sysctl.conf';
/** The files of `LoadCredential=sysctl.extra`, by the search path of systemd: credential_search_path(), src/core/execute.c */
export const CREDENTIALS = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'].map(
  directory => `${directory}/credstore/sysctl.extra`,
);

/** Lines on the key in files that the loader doesn't read. These lines have no effect, but people look for them there. */
export function unreadSettings(
  tree: FileTree,
  load: SysctlLoad,
  plan: SysctlPlan,
  key: string,
): IdleSetting[] {
  const reader = new PlanReader(tree);
  const isRead = new Set(plan.files.map(({ path, target }) => target ?? path));
  const others = [...plan.ignored, SYSCTL_CONF, ...CREDENTIALS].map(path => reader.read(path, load.parse));
  const seen = new Set<string>();
  const unread = others.filter(({ path, target }) => {
    const identity = target ?? path;
    if (isRead.has(identity) || seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
  const settings = (path: string, lines: ReturnType<PlanReader['read']>['lines']) =>
    lines
      .filter(line => line.kind !== 'malformed' && load.concerns(line.key, key))
      .map(line => ({ ...line, file: path }));
  return [
    ...plan.masked.flatMap(({ path, by }) =>
      settings(path, reader.read(path, load.parse).lines).map(setting =>
        idle(setting, 'masked', { file: by, line: null }),
      ),
    ),
    ...unread.flatMap(({ path, lines }) => settings(path, lines).map(setting => idle(setting, 'not-read'))),
  ];
}
