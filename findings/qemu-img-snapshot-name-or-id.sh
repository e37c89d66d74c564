#!/usr/bin/env bash
# qemu-img 7.2 takes one and the same argument for different snapshots of a qcow2 image: snapshot -a and convert -l look for a
# snapshot with that ID first, snapshot -d only for one with that name. IDs are the numbers 1, 2, 3… by order, so a snapshot
# whose name is a number can stand in the way of another one: "snapshot -a 2" brings the disk to the state of the snapshot
# that is named "1", and "snapshot -d 2" then deletes the one that is named "2". No message, exit status 0. The manual page
# says of the argument of snapshot: "Is the name of the snapshot to create, apply or delete". Whoever numbers his snapshots
# anew after he has deleted some goes back to a wrong state or copies it. convert -l snapshot.name=2 is right.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages qemu-utils=1:7.2+dfsg-7+deb12u18+b3
qemu-img --version | head -n 1

first() { # image: the byte that the disk begins with
	qemu-img convert -f qcow2 -O raw "$1" now.raw
	head -c 1 now.raw
}
names() { qemu-img snapshot -l "$1" | awk '$1 ~ /^[0-9]+$/ { printf "%s%s named %s", n++ ? ", " : "", $1, $2 }'; }

qemu-img create -q -f qcow2 disk.qcow2 1M
for name in 2 1; do # its state: 64 KiB of its name
	qemu-io -f qcow2 -c "write -q -P 0x3$name 0 64k" disk.qcow2
	qemu-img snapshot -c $name disk.qcow2
done
qemu-io -f qcow2 -c 'write -q -P 0x3f 0 64k' disk.qcow2
expect 'the IDs' "$(names disk.qcow2)" '1 named 2, 2 named 1'

cp disk.qcow2 applied.qcow2
qemu-img snapshot -a 2 applied.qcow2
expect 'snapshot -a 2 applies the snapshot with the name' "$(first applied.qcow2)" 1
qemu-img convert -f qcow2 -l 2 -O raw disk.qcow2 copy.raw
expect 'convert -l 2 copies the snapshot with the name' "$(head -c 1 copy.raw)" 1
qemu-img convert -f qcow2 -l snapshot.name=2 -O raw disk.qcow2 copy.raw
expect 'convert -l snapshot.name=2 copies the one with the name' "$(head -c 1 copy.raw)" 2
qemu-img snapshot -d 2 disk.qcow2
expect 'after snapshot -d 2 there is' "$(names disk.qcow2)" '2 named 1'
