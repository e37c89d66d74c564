#!/usr/bin/env bash
# qemu-img 7.2 measure -O qcow2 -o preallocation=metadata says how many bytes are "required", and leaves out that this
# preallocation gives every cluster of the disk a place: the image that convert makes with the same options is longer by the
# size of the disk's holes, and its tables point there.  A volume of the measured size is too small for it.
# With preallocation=off and =falloc the figure is right, or larger by what the tables of empty parts would take.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages qemu-utils=1:7.2+dfsg-7+deb12u18+b3

echo "$(qemu-img --version | head -n 1)"
truncate -s 1G disk.raw
head -c 1M /dev/zero | tr '\0' 'x' | dd of=disk.raw conv=notrunc status=none
for preallocation in off metadata falloc; do
	required=$(qemu-img measure -f raw -O qcow2 -o preallocation=$preallocation disk.raw | sed -n 's/^required size: //p')
	qemu-img convert -f raw -O qcow2 -o preallocation=$preallocation disk.raw made.qcow2
	length=$(stat -c %s made.qcow2)
	echo "preallocation=$preallocation: required $required, file length $length"
	case "$preallocation" in
	off) expect "$preallocation: fits" "$([ "$length" -le "$required" ] && echo yes || echo no)" yes ;;
	metadata) expect "$preallocation: fits" "$([ "$length" -le "$required" ] && echo yes || echo no)" no ;;
	falloc) expect "$preallocation: fits" "$([ "$length" -le "$required" ] && echo yes || echo no)" yes ;;
	esac
	rm made.qcow2
done
