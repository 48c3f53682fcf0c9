# /init of the QEMU guest's initramfs: modules, then the host's root file system over 9p, then the lab's own init.
# The kernel's command line gives lab.init=PATH, and for another architecture than the host's lab.userland=PATH.

/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do
  insmod "/modules/$module"
done </modules/order

# msize: the most that the 6.1 transport takes. cache=loose: no other process writes to these files while the guest
# runs.
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose host /root || poweroff -f

# The ports answer on their own work queue, and there is no event to wait on here; loaded before 9p, they are there.
tries=0
until [ -e /dev/vport0p3 ] || [ -e /dev/vport1p3 ] || [ "$tries" = 500 ]; do
  usleep 10000
  tries=$((tries + 1))
done
for port in /sys/class/virtio-ports/*; do
  read -r name <"$port/name"
  ln -s "${port##*/}" "/dev/$name"
done

mount --move /dev /root/dev
umount /sys
init=$(sed -n 's/.*lab\.init=\([^ ]*\).*/\1/p' /proc/cmdline)
userland=$(sed -n 's/.*lab\.userland=\([^ ]*\).*/\1/p' /proc/cmdline)
# bin, lib and sbin are links into usr.
for directory in ${userland:+usr etc}; do
  mount --bind "/root$userland/$directory" "/root/$directory"
done
umount /proc
exec /bin/busybox switch_root /root "$init"
