#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# qemu-img 7.2 leaves persistent dirty bitmaps clean where the disk is no longer what it was when they began: resize --shrink
# and back leaves zeroes where data were, and convert -l SNAPSHOT --bitmaps gives the copy the snapshot's data with the
# bitmaps of the disk of today. Both end with exit status 0 and no message, and the bitmaps stay enabled and consistent, so an
# incremental backup by them leaves out what has changed, and what is restored from it is another disk. Writes, discards and
# qemu-img commit are recorded, and snapshot -a is refused with the message that there are active bitmaps, for this very
# reason. Source of the format: docs/interop/qcow2.txt of QEMU, "Bitmap directory", flag "auto": such a bitmap "must reflect
# all changes of the virtual disk by any application that would write to this qcow2 file (including writes, snapshot
# switching, etc.)".
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages qemu-utils=1:7.2+dfsg-7+deb12u18+b3 libnbd-bin=1.14.2-1
qemu-img --version | head -n 1

# backed_up IMAGE: brings full.raw, the backup from when the bitmap "since" began, up to IMAGE by the bitmap, and compares.
backed_up() {
	local offset length state
	qemu-img info -f qcow2 "$1" | grep -A 4 'bitmaps:' | tr -d '\n' | grep -q 'flags: *\[0\]: auto *name: since' || echo 'not enabled: '
	qemu-img convert -f qcow2 -O raw "$1" now.raw
	qemu-nbd --read-only -f qcow2 -B since -k "$work/socket" --fork --pid-file="$work/pid" "$1"
	nbdinfo --map=qemu:dirty-bitmap:since "nbd+unix:///?socket=$work/socket" >map
	cp full.raw backup.raw
	while read -r offset length state _; do
		[ "$state" = 0 ] || dd if=now.raw of=backup.raw bs=64K skip=$((offset / 65536)) seek=$((offset / 65536)) \
			count=$((length / 65536)) conv=notrunc status=none
	done <map
	cmp -s backup.raw now.raw && echo right || echo wrong
}
new_disk() { # 1 MiB of A with a snapshot, then 512 KiB of B, a full backup, and a bitmap from there on
	rm -f disk.qcow2
	qemu-img create -q -f qcow2 disk.qcow2 1M
	qemu-io -f qcow2 -c 'write -q -P 0x41 0 1M' disk.qcow2
	qemu-img snapshot -c before disk.qcow2
	qemu-io -f qcow2 -c 'write -q -P 0x42 0 512k' disk.qcow2
	qemu-img convert -f qcow2 -O raw disk.qcow2 full.raw
	qemu-img bitmap --add -g 64k disk.qcow2 since
}
new_disk
qemu-io -f qcow2 -c 'write -q -P 0x43 128k 64k' -c 'write -q -z 256k 64k' -c 'discard -q 384k 64k' disk.qcow2
expect 'after writes and discards' "$(backed_up disk.qcow2)" right
expect 'snapshot -a' "$(qemu-img snapshot -a before disk.qcow2 2>&1)" "qemu-img: Could not apply snapshot 'before': Device has active dirty bitmaps"
new_disk
qemu-img convert -f qcow2 -O qcow2 --bitmaps disk.qcow2 copy.qcow2
expect 'a copy with the bitmap' "$(backed_up copy.qcow2)" right
qemu-img convert -f qcow2 -O qcow2 -l before --bitmaps disk.qcow2 copy.qcow2
expect 'a copy of the snapshot with the bitmap' "$(backed_up copy.qcow2)" wrong
qemu-img resize -q --shrink -f qcow2 disk.qcow2 512k
qemu-img resize -q -f qcow2 disk.qcow2 1M
expect 'after resize to half and back' "$(backed_up disk.qcow2)" wrong
