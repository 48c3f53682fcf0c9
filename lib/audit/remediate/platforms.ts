import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import type { FileTree } from '../tree/file-tree.js';
import { osRelease } from '../tree/os-release.js';

/** The way in which a distribution wants its settings, instead of a change of files. */
export interface Instead {
  /** The file or place that the text belongs to. */
  where: string;
  text: string;
}

/** A system whose /etc is made by a program, by `ID` of os-release. */
export interface Platform {
  name: string;
  because: string;
  instead(scope: PtraceScopeValue): Instead;
}

const KEY = 'kernel.yama.ptrace_scope';

/** Each system's own documentation has the syntax: the references stand in docs/audit.md. */
export const PLATFORMS: Readonly<Record<string, Platform>> = {
  nixos: {
    name: 'NixOS',
    because: 'nixos-rebuild makes /etc from the configuration of the system',
    instead: scope => ({
      where: '/etc/nixos/configuration.nix, then: nixos-rebuild switch',
      text: `boot.kernel.sysctl."${KEY}" = ${scope};`,
    }),
  },
  guix: {
    name: 'Guix System',
    because: 'guix system reconfigure makes /etc from the configuration of the system',
    instead: scope => ({
      where: 'the services of /etc/config.scm, then: guix system reconfigure /etc/config.scm',
      text: `(modify-services %base-services
  (sysctl-service-type config =>
    (sysctl-configuration
      (settings (append '(("${KEY}" . "${scope}")) %default-sysctl-settings)))))`,
    }),
  },
  talos: {
    name: 'Talos Linux',
    because: 'machined applies the machine configuration, and nothing reads sysctl.d',
    instead: scope => ({
      where: 'a patch of the machine configuration, then: talosctl patch machineconfig --patch @FILE',
      text: `machine:\n  sysctls:\n    ${KEY}: "${scope}"`,
    }),
  },
  bottlerocket: {
    name: 'Bottlerocket',
    because: 'corndog applies the settings of the API, and /etc is a tmpfs',
    instead: scope => ({
      where: 'the user data, or without the first line and quoted: apiclient set',
      text: `[settings.kernel.sysctl]\n"${KEY}" = "${scope}"`,
    }),
  },
};

/** The line of a Containerfile. bootc and ostree take the file from the image at each deployment. */
export const inContainerfile = (scope: PtraceScopeValue): Instead => ({
  where: 'the Containerfile of the image',
  text: `RUN echo '${KEY} = ${scope}' > /usr/lib/sysctl.d/99-ptrace-scope.conf`,
});

/** The heads of Butane's texts, by `ID` of os-release. */
const BUTANE: Readonly<Record<string, string>> = {
  fedora: 'variant: fcos\nversion: 1.5.0',
  flatcar: 'variant: flatcar\nversion: 1.1.0',
};

/** The same setting for a machine that is made anew, whose first boot reads Ignition; null if this system has none. */
export function inButane(tree: FileTree, scope: PtraceScopeValue): Instead | null {
  const id = osRelease(tree)?.id ?? '';
  const head = BUTANE[id];
  if (head === undefined || (id === 'fedora' && !isCoreOs(tree))) return null;
  const text = `${head}
storage:
  files:
    - path: /etc/sysctl.d/99-ptrace-scope.conf
      mode: 0644
      contents:
        inline: ${KEY} = ${scope}`;
  return { where: 'the Butane file of machines that are made anew', text };
}

function isCoreOs(tree: FileTree): boolean {
  const content = tree.read('/usr/lib/os-release');
  return content.kind === 'text' && /^VARIANT_ID=["']?coreos["']?$/m.test(content.text);
}

export const onTheHost = (scope: PtraceScopeValue): Instead => ({
  where: 'the host of this container',
  text: `tracegate remediate --scope ${scope}`,
});
