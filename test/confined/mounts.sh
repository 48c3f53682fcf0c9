# A mount in a mount namespace of its own, as bubblewrap and rootless containers make it.
unshare --user --map-root-user --mount mount -t tmpfs none /mnt && echo mounted
