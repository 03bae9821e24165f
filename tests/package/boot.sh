#!/bin/sh
# Boot systemd in namespaces of its own, on this machine's files, of which it
# sees a copy-on-write view, and the source tree in /mnt: boot.sh FOLDER SOURCE.
# Started by package.py.
set -eu
cd "$1"
mount --make-rprivate /
mount -t tmpfs -o size=1g tmpfs .
cd "$1"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount -t cgroup2 cgroup2 root/sys/fs/cgroup
mount --rbind /dev root/dev
mount -t tmpfs -o mode=755 tmpfs root/run
mount --bind "$2" root/mnt
# What this machine has enabled is not wanted here.
rm -rf root/etc/systemd/system/*.wants
# Images of containers forbid packages to start what they install.
rm -f root/usr/sbin/policy-rc.d
ip link set lo up
cd root
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	chroot . /lib/systemd/systemd --system --log-target=null \
	--show-status=false --unit=basic.target
