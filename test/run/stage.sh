# shellcheck shell=bash
# Sourced by run-tests and run-demo: a temporary folder that belongs to an unprivileged user, with the
# installed extension in it.
#
# PostgreSQL refuses to run as root, and the user it runs as may be unable to look into the clone
# (below /root, say); so everything happens below /tmp.

# stage_make NAME: makes $stage with install/ (what `make install` puts there), tree/, tmp/ and logs/.
stage_make() {
	umask 022
	stage=$(mktemp -d "/tmp/$1.XXXXXX")
	chmod 755 "$stage"
	mkdir "$stage/tree" "$stage/install" "$stage/tmp" "$stage/logs"
	export VMCLONE_STAGE=$stage TMPDIR=$stage/tmp
	echo "Building…"
	make -s -j2 all
	make -s install DESTDIR="$stage/install" >"$stage/logs/install.log" 2>&1 || {
		cat "$stage/logs/install.log"
		return 1
	}
}

# stage_user: sets $as_user, the words to put before a command that must not run as root.
stage_user() {
	as_user=()
	[ "$(id -u)" = 0 ] || return 0
	local user=postgres
	id "$user" >/dev/null 2>&1 || user=nobody
	as_user=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --reset-env
		env "HOME=$stage/tmp" "PATH=$PATH" "LANG=${LANG-C.UTF-8}" "TERM=${TERM-dumb}" "CI=${CI-}"
		"PG_CONFIG=${PG_CONFIG-pg_config}" "TESTS=${TESTS-}" "SEED=${SEED-}" "KEEP=${KEEP-}"
		"VMCLONE_STAGE=$stage" "TMPDIR=$stage/tmp" "COPYTEST_DIR=${COPYTEST_DIR-}"
		"DEADLOCK_SECONDS=${DEADLOCK_SECONDS-}")
}

# stage_give: hands the folder to that user.
stage_give() {
	stage_user
	[ ${#as_user[@]} = 0 ] || chown -R "$("${as_user[@]}" id -u):$("${as_user[@]}" id -g)" "$stage"
}

# stage_remove: stops what still runs on the folder and removes it.
stage_remove() {
	local pidfile pid
	# A suite stops its own servers; this is for one that was killed before it could.
	find "$stage" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
		pid=$(head -n 1 "$pidfile") || continue
		kill -QUIT "$pid" 2>/dev/null || continue
		for _ in $(seq 50); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
	done
	# a small file system that a killed test of the copier left mounted
	awk -v stage="$stage/" 'index($2, stage) == 1 { print $2 }' /proc/mounts | while read -r mount; do
		umount -l "$mount" || true
	done
	rm -rf "$stage"
}
