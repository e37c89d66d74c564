#!/usr/bin/env bash
# shellcheck disable=SC2034
# libqcow 20201213 (qcowmount, Debian 12) does not know the zero flag of qcow2 version 3: where a guest zeroed a cluster that
# keeps its place in the file it gives the old bytes, and in an overlay, where a zeroed cluster has no place, the bytes at the
# beginning of the file (0x51 is the Q of the header's magic).  qemu-img 7.2 gives zeroes.
# No error and no warning says that the bytes are others, so a chain that is read by it is wrong where a guest zeroed.
# Source of the format: docs/interop/qcow2.txt of QEMU, "Standard Cluster Descriptor", bit 0.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ -w /dev/fuse ] || { echo "needs /dev/fuse"; exit 2; }
use_packages libqcow-utils=20201213-1+b2 qemu-utils=1:7.2+dfsg-7+deb12u18+b3

read_by() { # image, offset: one byte as libqcow and as qemu-img read it, in hexadecimal
	mkdir -p seen
	qcowmount "$1" seen >/dev/null
	mounted=("$work/seen")
	local layers=(seen/qcow*) by_libqcow by_qemu # the base comes first
	by_libqcow=$(od -An -tx1 -j "$2" -N 1 "${layers[-1]}" | tr -d ' ')
	umount seen
	mounted=() # common.sh unmounts what is left
	qemu-img convert -O raw "$1" all.raw
	by_qemu=$(od -An -tx1 -j "$2" -N 1 all.raw | tr -d ' ')
	echo "libqcow $by_libqcow, qemu-img $by_qemu"
}

echo "$(qcowinfo -V | head -n 1), $(qemu-img --version | head -n 1)"
qemu-img create -q -f qcow2 zeroed.qcow2 1M
qemu-io -f qcow2 -c 'write -q -P 0x41 0 256k' -c 'write -q -z 64k 64k' zeroed.qcow2
expect "a cluster that was written, then zeroed" "$(read_by zeroed.qcow2 65536)" "libqcow 41, qemu-img 00"
expect "its neighbour" "$(read_by zeroed.qcow2 0)" "libqcow 41, qemu-img 41"

qemu-img create -q -f qcow2 base.qcow2 1M
qemu-io -f qcow2 -c 'write -q -P 0x42 0 512k' base.qcow2
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2
qemu-io -f qcow2 -c 'write -q -z 64k 64k' overlay.qcow2
expect "an overlay's zeroed cluster" "$(read_by overlay.qcow2 65536)" "libqcow 51, qemu-img 00"
expect "its neighbour, of the backing file" "$(read_by overlay.qcow2 0)" "libqcow 42, qemu-img 42"
