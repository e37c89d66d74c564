#!/usr/bin/env bash
# qemu's block layer opens a long backing chain in time that grows faster than with the square of its length.
#
# Version: qemu-utils 1:7.2+dfsg-7+deb12u18+b3 (Debian 12).
# Valid input: empty qcow2 images of 1 MiB, each with the one before as its backing file, made by qemu-img create -u.
# Seen: reading 64 KiB through 200 layers takes 0.17 s of processor time, through 400 1.5 s, through 800 6.6 s, nearly all of it
# before the first byte is read: four times the depth, nearly forty times the time.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages qemu-utils=1:7.2+dfsg-7+deb12u18+b3
qemu-img --version | head -n 1

qemu-img create -q -f qcow2 0.qcow2 1M
for layer in $(seq 800); do
	qemu-img create -q -u -f qcow2 -b $((layer - 1)).qcow2 -F qcow2 "$layer.qcow2" 1M
done

# milliseconds DEPTH: of processor time, the least of three, to read the beginning through so many layers.
milliseconds() {
	local least=999999 spent
	for _ in 1 2 3; do
		spent=$({ TIMEFORMAT=%U; time qemu-io -r -f qcow2 -c 'read -q 0 64k' "$1.qcow2" >/dev/null; } 2>&1 | tr -d .)
		spent=$((10#$spent))
		[ "$spent" -ge "$least" ] || least=$spent
	done
	echo "$least"
}
shallow=$(milliseconds 200)
deep=$(milliseconds 800)
echo "200 layers: $shallow ms, 800 layers: $deep ms"
expect 'four times as deep, more than 16 times as long (the square)' "$([ "$deep" -gt $((16 * shallow)) ] && echo yes || echo no)" yes
