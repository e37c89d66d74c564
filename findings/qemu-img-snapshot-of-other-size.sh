#!/usr/bin/env bash
# qemu-img 7.2 convert -l SNAPSHOT makes the copy as large as the disk is now, not as it was when the snapshot was taken: of a
# snapshot from before qemu-img resize --shrink the end is missing, with exit status 0, though the image still holds it and
# snapshot -a brings it back; one from before the disk grew gets zeroes behind it, and a disk of another size. measure -l gives
# the same size.  "qemu-img resize" is allowed with snapshots because version 3 of qcow2 keeps the size of the disk in each of
# them: docs/interop/qcow2.txt of QEMU, "Snapshots", "Virtual disk size of the snapshot in bytes". A copy that is made so lacks
# the last partitions; and either way the backup header of a GPT is not at its end.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages qemu-utils=1:7.2+dfsg-7+deb12u18+b3
qemu-img --version | head -n 1

sizes() { # size after the snapshot, of a disk of 2 MiB: what convert -l and measure -l give, and snapshot -a
	local copied status=0 measured applied
	qemu-img create -q -f qcow2 disk.qcow2 2M
	qemu-io -f qcow2 -c 'write -q -P 0x41 0 2M' disk.qcow2
	qemu-img snapshot -c before disk.qcow2
	qemu-img resize -q --shrink -f qcow2 disk.qcow2 "$1"
	qemu-img check -q -f qcow2 disk.qcow2
	qemu-img convert -f qcow2 -l before -O raw disk.qcow2 copy.raw 2>messages || status=$?
	copied=$(tr -dc A <copy.raw | wc -c)
	measured=$(qemu-img measure -f qcow2 -l before -O raw disk.qcow2 | sed -n 's/^required size: //p')
	qemu-img snapshot -a before disk.qcow2
	qemu-img convert -f qcow2 -O raw disk.qcow2 applied.raw
	applied=$(tr -dc A <applied.raw | wc -c)
	echo "convert $(stat -c %s copy.raw) with $copied of the data, exit status $status, $(wc -c <messages) bytes of messages;" \
		"measure $measured; snapshot -a $(stat -c %s applied.raw) with $applied"
}
expect 'shrunk to 1 MiB after the snapshot' "$(sizes 1M)" \
	'convert 1048576 with 1048576 of the data, exit status 0, 0 bytes of messages; measure 1048576; snapshot -a 2097152 with 2097152'
expect 'the same size' "$(sizes 2M)" \
	'convert 2097152 with 2097152 of the data, exit status 0, 0 bytes of messages; measure 2097152; snapshot -a 2097152 with 2097152'
expect 'grown to 4 MiB after the snapshot' "$(sizes 4M)" \
	'convert 4194304 with 2097152 of the data, exit status 0, 0 bytes of messages; measure 4194304; snapshot -a 2097152 with 2097152'
