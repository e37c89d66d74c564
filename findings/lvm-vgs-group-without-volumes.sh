#!/usr/bin/env bash
# lvm2 2.03.16: vgs that is asked for a field of logical volumes beside fields of the group leaves out a group that has none,
# without a word and with exit status 0, as if there were no such group.  The same group is there when no such field is asked
# for, and in lvm fullreport, with an empty list of volumes.  Needs root and a loop device; no device mapper.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_packages lvm2=2.03.16-2
lvm version | sed -n 's/^ *LVM version: */LVM /p'

truncate -s 64M disk
device=$(losetup --find --show disk)
trap 'losetup -d "$device"; leave' EXIT
export LVM_SUPPRESS_FD_WARNINGS=1
quiet=(--config "global{locking_dir=\"$work\"} devices{use_devicesfile=0 dir=\"/dev\" scan=\"/dev\" filter=[\"a|^$device\$|\",\"r|.*|\"]} backup{backup=0 archive=0} activation{udev_sync=0 udev_rules=0}" --quiet)
lvm vgcreate "${quiet[@]}" --zero y finding "$device" >/dev/null

group=$(lvm vgs "${quiet[@]}" --noheadings -o vg_name finding | tr -d ' ')
echo "vgs -o vg_name: '$group'"
status=0
with_volumes=$(lvm vgs "${quiet[@]}" --noheadings -o vg_name,lv_name finding) || status=$?
with_volumes=$(tr -d ' ' <<<"$with_volumes")
echo "vgs -o vg_name,lv_name: '$with_volumes', exit status $status"
full=$(lvm fullreport "${quiet[@]}" --reportformat json finding | grep -c '"vg_name":"finding"')
expect 'the group is there' "$group" finding
expect 'asked for volumes, too, it is not' "'$with_volumes' $status" "'' 0"
expect 'in the full report it is' "$([ "$full" -gt 0 ] && echo yes || echo no)" yes
