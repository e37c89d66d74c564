#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# nbdkit 1.32.5, gzip filter: of a gzip file of several members it gives the first one only, as if the disk ended there, without
# an error or a warning, so nbdcopy of it is a shorter disk and exit status 0.  A file of several members is valid (RFC 1952,
# section 2.2: "the members simply appear one after another in the file") and what parallel compressors such as bgzip write, and
# appending writes; gzip -d gives all of it.  The xz filter of the same nbdkit reads a file of several xz streams whole. The
# manual page of the filter does not say that it wants a single member.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages nbdkit=1.32.5-1 libnbd-bin=1.14.2-1
modules=$work/root/usr/lib/x86_64-linux-gnu/nbdkit
nbdkit --version

served() { # file, filter: the size of the disk, and whether nbdcopy's copy of it is disk.raw
	# shellcheck disable=SC2016 # nbdkit sets uri
	nbdkit -r -U - "$modules/plugins/nbdkit-file-plugin.so" "$1" --filter="$modules/filters/nbdkit-$2-filter.so" \
		--run 'nbdinfo --size "$uri" && nbdcopy "$uri" copy.raw' >size 2>messages
	echo "exit status $?, $(cat size) bytes, $(wc -c <messages) bytes of messages, $(cmp -s copy.raw disk.raw && echo whole || echo not whole)"
}
head -c 2M /dev/zero | tr '\0' A >first
head -c 1M /dev/zero | tr '\0' B >second
cat first second >disk.raw
gzip -c disk.raw >one.gz
gzip -c first >two.gz
gzip -c second >>two.gz
xz -c first >two.xz
xz -c second >>two.xz
expect 'gzip -d of two members' "$(gzip -dc two.gz | cmp -s - disk.raw && echo whole || echo not whole)" whole
expect 'one member' "$(served one.gz gzip)" 'exit status 0, 3145728 bytes, 0 bytes of messages, whole'
expect 'two members' "$(served two.gz gzip)" 'exit status 0, 2097152 bytes, 0 bytes of messages, not whole'
expect 'two streams of xz' "$(served two.xz xz)" 'exit status 0, 3145728 bytes, 0 bytes of messages, whole'
