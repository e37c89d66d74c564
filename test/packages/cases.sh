# shellcheck shell=bash
# Sourced by what runs in a root: cases, and their count at the end.
passed=0
failed=0
skipped=0

ok() { # title, command…
	local title=$1
	shift
	if "$@" >/tmp/case.log 2>&1; then
		passed=$((passed + 1))
		echo "ok - $title"
	else
		failed=$((failed + 1))
		printf 'FAILED %s\n' "$title"
		tail -n 40 /tmp/case.log | cut -c 1-240 | sed 's/^/    /'
	fi
}

skip() { # why
	skipped=$((skipped + 1))
	echo "SKIPPED $1"
}

cases_end() {
	echo "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
	[ "$failed" = 0 ]
}

install() { # package or file of one…
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install "$@"
}
