#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# libvirt 9.0.0, virsh vol-clone of a raw volume in a directory: the clone is as large as the blocks that the original's file
# takes, where these are more than the disk: a disk of 1 MiB whose file has 4 MiB allocated (fallocate --keep-size, and what
# XFS allocates ahead of a growing file) becomes one of 4 MiB, and a disk of 1000448 bytes, which is no multiple of 4 KiB, one
# of 1003520. Exit status 0 and no message; a volume without such blocks keeps its size, so the same disk gives a clone of the
# same size on one file system and a larger one on another. virsh vol-info of the original gives the right capacity, and the
# manual page says "Clone an existing volume" and nothing of its size. In the clone the backup header of a GPT is not at the
# end, and an image that is put back onto a volume of the old size is too long for it. qemu-img convert gives the disk's size.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages libvirt-daemon=9.0.0-4+deb12u2 libvirt-clients=9.0.0-4+deb12u2 qemu-utils=1:7.2+dfsg-7+deb12u18+b3
modules=$work/root/usr/lib/x86_64-linux-gnu/libvirt
export LIBVIRT_DRIVER_DIR=$modules/connection-driver LIBVIRT_STORAGE_BACKEND_DIR=$modules/storage-backend
export LIBVIRT_STORAGE_FILE_DIR=$modules/storage-file
mkdir home pool
export HOME=$work/home XDG_RUNTIME_DIR=$work/home XDG_CONFIG_HOME=$work/home XDG_CACHE_HOME=$work/home
virsh --version

head -c 1M /dev/urandom >pool/even.raw
cp pool/even.raw pool/ahead.raw
fallocate --keep-size --length 4M pool/ahead.raw
head -c 1000448 /dev/urandom >pool/odd.raw
truncate -s 1000448 pool/hole.raw
sync pool/*.raw

# A session daemon of an ordinary user: nothing outside $work.
as_user=()
[ "$(id -u)" != 0 ] || { chown -R nobody:nogroup home pool; as_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups); }
cat >clone.sh <<'END'
trap 'kill $!' EXIT
libvirtd >home/log 2>&1 &
for _ in $(seq 100); do [ -S home/libvirt/libvirt-sock ] && break; sleep 0.1; done
in_pool() { virsh -q -c "storage:///session?socket=$PWD/home/libvirt/libvirt-sock" "$@"; }
in_pool pool-create-as findings dir --target "$PWD/pool"
for disk in even ahead odd hole; do in_pool vol-clone --pool findings $disk.raw $disk-clone.raw; done
END
"${as_user[@]}" bash -e clone.sh >messages 2>&1 || { cat messages home/log >&2; exit 2; }
expect 'messages of virsh' "'$(cat messages)'" "''"

cloned() { # disk: its size and the clone's, and whether the clone begins with it
	local size
	size=$(stat -c %s "pool/$1.raw")
	echo "$size, clone $(stat -c %s "pool/$1-clone.raw") $(cmp -s -n "$size" "pool/$1.raw" "pool/$1-clone.raw" && echo 'begins so')"
}
expect 'a disk of 1 MiB' "$(cloned even)" '1048576, clone 1048576 begins so'
expect 'the same with 4 MiB allocated' "$(cloned ahead)" '1048576, clone 4194304 begins so'
expect 'qemu-img convert of it' "$(qemu-img convert -f raw -O raw pool/ahead.raw copy.raw && stat -c %s copy.raw)" 1048576
expect 'a disk of 977 KiB' "$(cloned odd)" '1000448, clone 1003520 begins so'
expect 'one of 977 KiB without blocks' "$(cloned hole)" '1000448, clone 1000448 begins so'
