#!/usr/bin/env bash
# 7-Zip 26.02 knows a qcow2 image whose data lie in another file (it shows "incompatible: External_Data_File"), and takes the
# places of the clusters, which are places in that file, as places in the image itself: it gives out the image's own header and
# tables as the disk's contents, says "Everything is Ok", and ends with exit status 0; so does 7zz t.  Only where a cluster's
# place lies behind the end of the image there is an error.
# Source of the format: docs/interop/qcow2.txt of QEMU, incompatible feature bit 2, "External data file bit": guest clusters are
# stored in that file; a reader "must fail to open an image if an unknown bit is set" in these features.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages 7zip=22.01+really26.02+dfsg-0+deb12u1 qemu-utils=1:7.2+dfsg-7+deb12u18+b3
7zz | sed -n 's/^\(7-Zip[^:]*\) :.*/\1/p'

extracted() { # image: what 7zz gives of the first 64 KiB, which are A on the disk
	local status=0 ok tested=0
	7zz x -y -oout "$1" >messages 2>&1 || status=$?
	ok=$(grep -c 'Everything is Ok' messages || true)
	7zz t "$1" >/dev/null 2>&1 || tested=$?
	echo "$(head -c 64K out/disk.img | tr -dc A | wc -c) of 65536 bytes, $(stat -c %s out/disk.img) in all, exit status $status, Ok $ok; test: $tested"
	rm -r out
}
qemu-img create -q -f qcow2 disk.qcow2 256k
qemu-io -f qcow2 -c 'write -q -P 0x41 0 128k' disk.qcow2
expect 'data in the image' "$(extracted disk.qcow2)" '65536 of 65536 bytes, 262144 in all, exit status 0, Ok 1; test: 0'
rm disk.qcow2

qemu-img create -q -f qcow2 -o data_file=disk.data disk.qcow2 256k
qemu-io -f qcow2 -c 'write -q -P 0x41 0 128k' disk.qcow2
qemu-img convert -f qcow2 -O raw disk.qcow2 by_qemu.raw
expect 'qemu-img, data in another file' "$(head -c 64K by_qemu.raw | tr -dc A | wc -c) of 65536 bytes" '65536 of 65536 bytes'
expect '7-Zip shows the feature' "$(7zz l -slt disk.qcow2 | sed -n 's/^Characteristics = //p' | sort -u)" 'incompatible: External_Data_File'
expect '7-Zip, data in another file' "$(extracted disk.qcow2)" '0 of 65536 bytes, 262144 in all, exit status 0, Ok 1; test: 0'
