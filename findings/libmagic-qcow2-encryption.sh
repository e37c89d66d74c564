#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# file 5.44 calls a qcow2 image "AES-encrypted" by the length of its L1 table: it takes the field at byte 36 of the header for
# the encryption method, as it was in version 1 of the format; since version 2 the method is at byte 32 and the number of L1
# entries at 36.  So every plain image of up to 512 MiB with clusters of 64 KiB (one entry) is "AES-encrypted", and an image
# that is encrypted with LUKS is not called so when it is larger.  Of an overlay it tells a time of its base in 1970: in the
# same way that is byte 20, where version 1 had a time and the cluster size's exponent (16) now stands, as seconds.  Whoever
# sorts images by what file says of them takes plain ones for encrypted and encrypted ones for plain.
# Source of the format: docs/interop/qcow2.txt of QEMU, "Header", bytes 20 to 39.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages file=1:5.44-3 qemu-utils=1:7.2+dfsg-7+deb12u18+b3
export MAGIC=$work/root/usr/lib/file/magic.mgc
export TZ=UTC
file --version | head -n 1

qemu-img create -q -f qcow2 base.qcow2 512M
qemu-img create -q -f qcow2 larger.qcow2 513M
qemu-img create -q -f qcow2 --object secret,id=key,data=key -o encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10 encrypted.qcow2 1G
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2
called() {
	local qemu='not encrypted'
	! qemu-img info -f qcow2 "$1" | grep -q '^encrypted: yes' || qemu=encrypted
	echo "qemu-img: $qemu, file: $(file -b "$1" | grep -o AES-encrypted || echo 'not encrypted')"
}
expect 'a plain disk of 512 MiB' "$(called base.qcow2)" 'qemu-img: not encrypted, file: AES-encrypted'
expect 'a plain disk of 513 MiB' "$(called larger.qcow2)" 'qemu-img: not encrypted, file: not encrypted'
expect 'a disk of 1 GiB in LUKS' "$(called encrypted.qcow2)" 'qemu-img: encrypted, file: not encrypted'
expect "the base's time" "$(file -b overlay.qcow2 | grep -o 'mtime [^)]*')" 'mtime Thu Jan  1 00:00:16 1970'
