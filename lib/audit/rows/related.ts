import { hasCoreSockets } from '../../kernel/core-settings.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { holds } from '../../policy/access/capable.js';
import { coreTargetOf } from '../../policy/core-dump/name.js';
import type { Observations, Running } from './observations.js';
import { type AuditRow, row } from './row.js';

// Rows on other settings that affect who may trace a process. No profile requires these rows.

const NOT_RUNNING = {
  verdict: 'not-applicable',
  found: 'nothing',
  because: 'nothing runs in this tree',
} as const;

function treeYamaRow(about: Parameters<typeof row>[0], treeYama: Observations['treeYama']): AuditRow {
  const { file } = treeYama ?? { file: '' };
  if (treeYama?.isThere === 'unknown')
    return row(about, { verdict: 'unknown', found: file, because: treeYama.because, file });
  if (treeYama?.isThere)
    return row(about, {
      verdict: 'pass',
      found: file,
      because: 'built in, and in the list of modules',
      file,
    });
  const because = 'it is not built in (CONFIG_SECURITY_YAMA), or not in the list (CONFIG_LSM, lsm=)';
  return row(about, {
    verdict: 'fail',
    found: file,
    because,
    file,
    remedy: 'add yama to lsm=, or take another kernel',
  });
}

/** Judges whether Yama is in the kernel. Kernel: security/security.c, ordered_lsm_init() */
export function yamaRow({ running, treeYama }: Pick<Observations, 'running' | 'treeYama'>): AuditRow {
  const about = {
    id: 'yama',
    title: 'Yama is in this kernel',
    required: false,
    expected: 'in the list of security modules',
  };
  if (running === null && treeYama === null)
    return row(about, {
      verdict: 'unknown',
      found: 'no /boot/config-*',
      because: 'this tree does not show its kernel',
    });
  if (running === null || (running.ptraceScope.state === 'present' && treeYama?.isThere === false))
    return treeYamaRow(about, treeYama);
  const found = running.lsms?.join(',') ?? "the list can't be read here";
  if (running.ptraceScope.state === 'present')
    return row(about, { verdict: 'pass', found, because: 'kernel.yama.ptrace_scope is there' });
  if (running.ptraceScope.state === 'unknown')
    return row(about, { verdict: 'unknown', found, because: running.ptraceScope.cause });
  return row(about, {
    verdict: 'fail',
    found,
    because: 'there is no kernel.yama.ptrace_scope, so lines of sysctl.d have no effect',
    remedy:
      'add yama to lsm= on the kernel command line; zgrep SECURITY_YAMA /proc/config.gz shows whether it is built in',
  });
}

/** Judges fs.suid_dumpable. Kernel: kernel/cred.c, commit_creds(); fs/coredump.c, do_coredump() */
export function suidDumpableRow({ running, suidDumpable: { atBoot: next } }: Observations): AuditRow {
  const about = {
    id: 'suid-dumpable',
    title: 'fs.suid_dumpable: processes that changed their ids stay closed',
    required: false,
    expected: '0, or 2 where only root reads the core',
  };
  const now = running?.sysctl['fs/suid_dumpable'] ?? null;
  const value = running === null ? (next.state === 'known' ? next.value : null) : now;
  if (value === null) {
    const because =
      running === null && next.state === 'unknown' ? next.because.join('; ') : "it can't be read";
    return row(about, { verdict: 'unknown', found: 'unknown', because });
  }
  const [file, line] = running === null && next.state === 'known' ? [next.file, next.line] : [null, null];
  if (value === '1')
    return row(about, {
      verdict: 'fail',
      found: value,
      because: 'set-id programs and daemons that dropped root are open to every process of their uid',
      file,
      line,
      remedy: 'sysctl -w fs.suid_dumpable=0, and a line in sysctl.d',
    });
  return row(about, { verdict: 'pass', found: value, because: 'they are not dumpable', file, line });
}

/** Judges core_pattern. A pipe gets the whole core also at RLIMIT_CORE 0. Kernel: fs/coredump.c, format_corename() */
export function corePatternRow(running: Running | null): AuditRow {
  const about = {
    id: 'core-pattern',
    title: 'kernel.core_pattern: the program that gets the memory of a crashed process',
    required: false,
    expected: 'no program, or one that is wanted',
  };
  if (running === null) return row(about, NOT_RUNNING);
  const pattern = running.sysctl['kernel/core_pattern'];
  if (pattern === null)
    return row(about, { verdict: 'unknown', found: 'unknown', because: "it can't be read" });
  const hasSockets = hasCoreSockets(null, running.kernelRelease);
  switch (coreTargetOf({ pattern, hasSockets })) {
    case 'file':
      return row(about, {
        verdict: 'pass',
        found: pattern,
        because: 'a core is a file, and RLIMIT_CORE 0 prevents it',
      });
    case 'pipe':
      break;
    default:
      return row(about, {
        verdict: 'unknown',
        found: pattern,
        because:
          'the server at that socket gets the whole memory of every dumpable process that crashes, whatever RLIMIT_CORE is',
        remedy: 'check that the server is wanted; denyTracing() keeps the memory of a process from it',
      });
  }
  return row(about, {
    verdict: 'unknown',
    found: pattern,
    because:
      'that program gets the whole memory of every dumpable process that crashes, at RLIMIT_CORE 0 as well',
    remedy:
      'check that it is wanted, and which users read what it stores; RLIMIT_CORE 1 or denyTracing() keeps the memory of a process from it',
  });
}

const asNumber = (text: string | null) => (text === null || !/^\d+$/.test(text) ? null : Number(text));

/**
 * Judges whether ordinary users can create user namespaces. The creator's uid has every capability in a new namespace.
 *
 * Kernel: security/yama/yama_lsm.c, ns_capable(); kernel/user_namespace.c
 */
export function userNamespacesRow(running: Running | null): AuditRow {
  const about = {
    id: 'user-namespaces',
    title: 'user namespaces of ordinary users',
    required: false,
    expected: 'none, at ptrace_scope 1 and 2',
  };
  if (running === null) return row(about, NOT_RUNNING);
  const { sysctl, ptraceScope } = running;
  const most = asNumber(sysctl['user/max_user_namespaces']);
  const clone = asNumber(sysctl['kernel/unprivileged_userns_clone']);
  const apparmor = asNumber(sysctl['kernel/apparmor_restrict_unprivileged_userns']);
  const found = `max_user_namespaces ${most ?? 'not there'}, unprivileged_userns_clone ${clone ?? 'not there'}, apparmor_restrict_unprivileged_userns ${apparmor ?? 'not there'}`;
  if (ptraceScope.state === 'present' && (ptraceScope.value === 0 || ptraceScope.value === 3))
    return row(about, {
      verdict: 'not-applicable',
      found,
      because: `they change nothing at ptrace_scope ${ptraceScope.value}`,
    });
  if (most === 0 || clone === 0)
    return row(about, { verdict: 'pass', found, because: 'only root makes them' });
  if (apparmor === 1)
    return row(about, {
      verdict: 'pass',
      found,
      because: 'only programs make them whose AppArmor profile allows it',
    });
  if (most === null)
    return row(about, { verdict: 'unknown', found, because: "user.max_user_namespaces can't be read" });
  return row(about, {
    verdict: 'fail',
    found,
    because:
      'every process of the creator’s uid may trace what runs in one, at ptrace_scope 1 and 2 too: such sandboxes weaken Yama',
    remedy:
      'sysctl -w user.max_user_namespaces=0, if nothing (browsers, rootless containers, bubblewrap) needs them',
  });
}

/**
 * Judges the programs that give CAP_SYS_PTRACE.
 *
 * Kernel: kernel/capability.c, security_capable(); security/commoncap.c, cap_bprm_creds_from_file()
 */
export function capabilityFilesRow({ capabilityFiles: { files, unreadable } }: Observations): AuditRow {
  const about = {
    id: 'capability-files',
    title: 'programs that give CAP_SYS_PTRACE',
    required: false,
    expected: 'none',
  };
  if (files.length > 0)
    return row(about, {
      verdict: 'fail',
      found: files.join(', '),
      because: 'a user who executes one may trace every process, at ptrace_scope 2 as well',
      file: files[0] ?? null,
      remedy: `setcap -r ${files[0]}, or restrict which users may execute it`,
    });
  if (unreadable.length > 0)
    return row(about, {
      verdict: 'unknown',
      found: 'none seen',
      because: `${unreadable.length} could not be read; the first is ${unreadable[0]}`,
      remedy: 'run the audit as root',
    });
  return row(about, {
    verdict: 'pass',
    found: 'none',
    because: 'no program in the usual directories has it',
  });
}

const MOST_NAMED = 10;

/** Judges processes with CAP_SYS_PTRACE of users other than root. */
export function capabilityProcessesRow(running: Running | null): AuditRow {
  const about = {
    id: 'capability-processes',
    title: 'processes with CAP_SYS_PTRACE that are not root’s',
    required: false,
    expected: 'none',
  };
  if (running === null) return row(about, NOT_RUNNING);
  const { processes } = running.snapshot;
  const initial = processes.find(({ pid }) => pid === 1)?.userNs ?? null;
  const mayBeThere = ({ userNs, userNsRuledOut }: ProcessFacts) =>
    userNs === null ? userNsRuledOut === null || userNsRuledOut.id !== initial : userNs === initial;
  const others = processes.filter(
    facts => facts.kind === 'user' && facts.uids.effective !== 0 && mayBeThere(facts),
  );
  const holders = others.filter(({ capPermitted }) => holds(capPermitted, 'CAP_SYS_PTRACE') === true);
  const unseen = processes.filter(
    ({ kind, capPermitted }) => kind === 'unknown' || (kind === 'user' && capPermitted === null),
  );
  if (holders.length > 0) {
    const named = holders.slice(0, MOST_NAMED).map(({ pid, comm }) => `${pid} ${comm ?? ''}`.trim());
    const more = holders.length - named.length;
    return row(about, {
      verdict: 'fail',
      found: `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      because: 'each may trace every process, at ptrace_scope 2 as well',
      remedy: 'take it from their unit (CapabilityBoundingSet=) or their file (setcap -r)',
    });
  }
  if (unseen.length > 0)
    return row(about, {
      verdict: 'unknown',
      found: 'none seen',
      because: `${unseen.length} processes are hidden`,
      remedy: 'run the audit as root',
    });
  return row(about, { verdict: 'pass', found: 'none', because: `none of ${others.length} has it` });
}
