#!/usr/bin/env bash
# qemu-img 7.2 dd takes count=BLOCKS from the beginning of the input, not from where skip= leads: with both it copies count -
# skip blocks, nothing when skip is as large as count, and ends with exit status 0 all the same.  dd of coreutils, whose options
# it has, copies count blocks.  The manual page says of count "sets the number of input blocks to copy". A disk that is taken
# apart by qemu-img dd in pieces of equal length has its first piece whole, the second empty, and so on. Valid input: a raw file
# of 32 blocks of 512 bytes.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages qemu-utils=1:7.2+dfsg-7+deb12u18+b3
qemu-img --version | head -n 1

for block in $(seq -w 32); do printf "%0512d" "$((10#$block))"; done >disk
both() { # options of dd: the bytes that each of the two gives, and the exit status of qemu-img
	local status=0
	rm -f by_qemu by_dd
	qemu-img dd -f raw -O raw bs=512 "$@" if=disk of=by_qemu 2>messages || status=$?
	dd status=none bs=512 "$@" if=disk of=by_dd
	echo "qemu-img $(stat -c %s by_qemu) and exit status $status, dd $(stat -c %s by_dd)"
}
expect 'count=4' "$(both count=4)" 'qemu-img 2048 and exit status 0, dd 2048'
expect 'skip=4' "$(both skip=4)" 'qemu-img 14336 and exit status 0, dd 14336'
expect 'skip=4 count=8' "$(both skip=4 count=8)" 'qemu-img 2048 and exit status 0, dd 4096'
expect 'skip=8 count=8' "$(both skip=8 count=8)" 'qemu-img 0 and exit status 0, dd 4096'

for piece in 0 8 16 24; do
	qemu-img dd -f raw -O raw bs=512 skip=$piece count=8 if=disk of=piece 2>messages
	cat piece >>pieces
done
expect 'of 32 blocks, in four pieces of 8' "$(($(stat -c %s pieces) / 512))" 8
