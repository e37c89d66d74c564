# shellcheck shell=bash
# Sourced by the findings: packages into a temporary folder, nothing into the system.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/vmclone-finding.XXXXXX")
mounted=()
leave() {
	for folder in "${mounted[@]}"; do umount "$folder" 2>/dev/null || true; done
	rm -rf "$work"
}
trap leave EXIT
cd "$work"
chmod 755 "$work"

# use_packages NAME=VERSION…: these and what they depend on, but for the C library, from Debian's archive, unpacked below
# $work/root; PATH and LD_LIBRARY_PATH lead there.
use_packages() {
	mkdir -p archives/partial root
	apt-get -qq -y -o Dir::State::status=/dev/null -o Dir::Cache::archives="$work/archives" -o Debug::NoLocking=1 \
		-o APT::Sandbox::User=root --no-install-recommends --download-only install "$@" >apt.log 2>&1 || {
		cat apt.log >&2
		echo "these versions are not in the archive any more: $*" >&2
		exit 2
	}
	for package in archives/*.deb; do
		case "${package##*/}" in libc6_* | libgcc-s1_* | base-files_* | perl*) continue ;; esac
		dpkg -x "$package" root
	done
	export PATH=$work/root/usr/bin:$work/root/usr/sbin:$work/root/bin:$work/root/sbin:$PATH
	export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu
}

# expect WHAT FOUND WANTED: the finding holds while these are the same.
expect() {
	if [ "$2" = "$3" ]; then
		echo "as found: $1: $2"
	else
		echo "CHANGED: $1: $2, was $3"
		exit 1
	fi
}
