/**
 * Programs that keep secrets in memory, by the kernel's name of the process (at most 15 bytes). The list is not complete; it
 * only decides the order of a report.
 */
export const SECRET_KEEPERS: ReadonlySet<string> = new Set([
  // Agents, keyrings and password managers
  'ssh-agent',
  'gpg-agent',
  'scdaemon',
  'gnome-keyring-d',
  'kwalletd5',
  'kwalletd6',
  'keepassxc',
  '1password',
  'bitwarden',
  'pcscd',
  'vault',
  'teleport',
  'tailscaled',
  'sssd',
  'charon',
  // git credential-cache--daemon
  'git',
  // Browsers and mail
  'firefox',
  'firefox-esr',
  'chrome',
  'chromium',
  'thunderbird',
  // Servers with keys and the data of others
  'sshd',
  'nginx',
  'apache2',
  'haproxy',
  'postgres',
  'mysqld',
  'mariadbd',
  'mongod',
  'redis-server',
  'memcached',
  'dovecot',
]);
