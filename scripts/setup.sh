#!/bin/sh
# setup.sh: installs the programs that building and testing tracegate need, and runs `npm ci`. It is quick if nothing is
# missing.
# As root it installs with apt-get; as an ordinary user it prints the command to run. It starts and enables no daemon.
# The kernel for `scripts/lab --kernel qemu` is unpacked into a cache directory, never installed. Exit code: 0 if
# nothing is missing, otherwise 3. If only programs for tests are missing, it still builds, and then exits with 3.
set -eu

cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tracegate # As in lab-host/programs.mjs.
node_needed=20.19.0
verdict=0

say() { printf 'setup: %s\n' "$*" >&2; }
is_root() { [ "$(id -u)" = 0 ]; }
has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

give_up() {
  say "$*"
  exit 3
}

without() {
  say "$*"
  verdict=3
}

# The initramfs has no libraries. A program names its loader at its beginning, and a static one has none.
has_static_busybox() {
  has busybox && ! head -c 4096 "$(command -v busybox)" | grep -q /ld-
}

# A module, and no program; of Debian's own Python, not of another that comes first on the PATH.
has_junitparser() { /usr/bin/python3 -c 'import junitparser' 2>/dev/null; }

# Debian has them by version, and not on the PATH.
has_postgres() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }

# The packages of those pairs PROGRAM=PACKAGE whose program isn't there.
missing_of() {
  for pair in "$@"; do
    has "${pair%%=*}" || printf '%s ' "${pair#*=}"
  done
}

missing_for_building() { missing_of g++=g++ make=make python3=python3; }

missing_for_testing() {
  missing_of linux.uml=user-mode-linux qemu-system-x86_64=qemu-system-x86 capsh=libcap2-bin gdb=gdb \
    strace=strace valgrind=valgrind git=git apparmor_parser=apparmor mmdebstrap=mmdebstrap \
    systemd-analyze=systemd sysctl=procps xmllint=libxml2-utils oscap=openscap-scanner \
    promtool=prometheus prometheus-node-exporter=prometheus-node-exporter ansible-playbook=ansible-core \
    dot=graphviz chromium=chromium chromium-headless-shell=chromium-headless-shell \
    sshd=openssh-server ssh-agent=openssh-client tmux=tmux gpg-agent=gpg-agent gpg-connect-agent=gpgconf dirmngr=dirmngr \
    dbus-daemon=dbus-daemon getfattr=attr setfacl=acl redis-server=redis-server nginx=nginx zsh=zsh fish=fish mandoc=mandoc
  has_postgres || printf 'postgresql '
  [ -x /usr/lib/gnupg/scdaemon ] || printf 'scdaemon '
  has_junitparser || printf 'python3-junitparser '
  has_static_busybox || printf 'busybox-static '
}

# The packages are installed for their programs: no daemon shall start, now or at the next boot. An existing policy of
# the administrator stays.
install_without_daemons() {
  policy=/usr/sbin/policy-rc.d
  no_cluster=/etc/postgresql-common/createcluster.d/tracegate.conf
  made=$no_cluster
  trap 'rm -f $made' EXIT
  trap 'exit 1' HUP INT TERM
  # Nor a cluster of databases: postgresql-common looks here before it makes one.
  case " $* " in
    *' postgresql '*)
      mkdir -p "${no_cluster%/*}"
      echo 'create_main_cluster = false' >"$no_cluster"
      ;;
  esac
  if [ ! -e "$policy" ]; then
    made="$made $policy"
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  "$@" >&2
  rm -f $made
  trap - EXIT HUP INT TERM
  for pair in prometheus=prometheus prometheus-node-exporter=prometheus-node-exporter openssh-server=ssh \
    redis-server=redis-server nginx=nginx postgresql=postgresql; do
    case " $* " in *" ${pair%%=*} "*) update-rc.d "${pair#*=}" disable >&2 ;; esac
  done
}

install_packages() {
  building=$(missing_for_building)
  missing="$building$(missing_for_testing)"
  [ -n "$missing" ] || return 0
  install="apt-get install -y --no-install-recommends $missing"
  if ! has apt-get; then
    problem="missing, and there is no apt-get here: $missing"
  elif ! is_root; then
    problem="missing; run as root: apt-get update && $install"
  else
    say "installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    install_without_daemons $install
    building=$(missing_for_building)
    missing="$building$(missing_for_testing)"
    [ -n "$missing" ] || return 0
    problem="installed, but still not found: $missing"
  fi
  [ -z "$building" ] || give_up "$problem"
  without "$problem"
}

check_node() {
  has node && has npm || give_up "missing: Node.js $node_needed or newer, with npm"
  version=$(node -p process.versions.node)
  oldest=$(printf '%s\n' "$node_needed" "$version" | sort -V | head -n 1)
  [ "$oldest" = "$node_needed" ] || give_up "Node.js is $version: install $node_needed or newer"
}

# The lab's QEMU boots each of them: `scripts/lab --kernel qemu --release 6.12`.
kernel_packages='linux-image-amd64 linux-image-6.12-amd64'

# Prints the package that linux-image-amd64 or the like depends on today.
current_kernel() { apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1; }

# download_kernel PACKAGE DIRECTORY. apt checks what it downloads against its signed lists; not as its own user _apt, who
# can't write here.
download_kernel() {
  kernel=$(current_kernel "$1")
  [ -n "$kernel" ] && (cd "$2" && apt-get download -q -o APT::Sandbox::User="$(id -un)" "$kernel" >&2)
}

# The release that a package is of, by its name: all but linux-image-amd64 have it there.
release_of() {
  case $1 in
    linux-image-amd64) echo 6.1 ;;
    *) echo "$1" | cut -d - -f 3 ;;
  esac
}

unpack_kernel() {
  for kernel in "$cache/kernels/linux-image-$(release_of "$1")."*/boot/vmlinuz-*; do
    [ ! -e "$kernel" ] || return 0
  done
  say "unpacking the kernel of $1 for the lab into $cache"
  mkdir -p "$cache/kernels"
  work=$(mktemp -d "$cache/kernels/.unpacking-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  if ! has apt-get; then
    without "no kernel for the lab's QEMU: it comes from Debian's $1, and there is no apt-get here"
  elif download_kernel "$1" "$work" || { is_root && apt-get update -q >&2 && download_kernel "$1" "$work"; }; then
    mkdir "$work/tree"
    # Of its modules those that the guest's initramfs can need: the whole is twenty times as much.
    dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work/tree" --wildcards '*/boot/vmlinuz-*' \
      '*/boot/config-*' '*/kernel/fs/[9fn]*' '*/kernel/net/9p' '*/kernel/drivers/virtio' '*/kernel/drivers/char'
    mv "$work/tree" "$cache/kernels/$kernel"
  else
    without "no kernel for the lab's QEMU: run as root: apt-get update; then this once more"
  fi
  rm -rf "$work"
  trap - EXIT HUP INT TERM
}

# The loaders of sysctl.d that Debian's releases have, for test/integration/sysctl.test.ts, which needs root too.
fetch_loaders() {
  is_root && has apt-get || return 0
  node scripts/test/sysctl-loaders.mjs >&2 ||
    without "no loaders of Debian's other releases: the tests compare this machine's own alone"
}

check_node
install_packages
for package in $kernel_packages; do unpack_kernel "$package"; done
# Built as our own build is, and once: `npm ci` alone would build what users get.
if [ -e package-lock.json ]; then npm ci --ignore-scripts; else npm install --ignore-scripts; fi
fetch_loaders
npm run build
exit "$verdict"
