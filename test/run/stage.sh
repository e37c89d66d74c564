# shellcheck shell=bash
# Sourced by run-tests and run-demo: a temporary folder that belongs to an unprivileged user, with the
# installed extension in it.
#
# PostgreSQL refuses to run as root, and the user it runs as may be unable to look into the clone
# (below /root, say); so everything happens below /tmp.

# server_finds_private: whether the server can find an extension that isn't installed into its own folders; says what to do
# if it can't.  Nothing is installed into the system, so that tests and demo need it.
server_finds_private() {
	local pg_config=${PG_CONFIG:-pg_config} server
	command -v "$pg_config" >/dev/null || return 0 # make says what is missing
	server=$("$pg_config" --bindir)/postgres
	[ -x "$server" ] || return 0
	# not -q: it would end the server by a broken pipe
	"$server" --describe-config 2>/dev/null | grep -E '^extension_(destdir|control_path)\b' >/dev/null && return
	cat >&2 <<-TEXT
		$("$server" --version) in ${server%/*} can't use an extension outside of its own folders, and tests and demo install
		nothing into a system.  Servers that can: PostgreSQL 18 and newer (extension_control_path), and Debian's,
		Ubuntu's and PGDG's packages of any version (extension_destdir).  Name one:
		    make test PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
		vmclone itself works with this server: make && sudo make install
	TEXT
	return 1
}

# stage_make NAME: makes $stage with install/ (what `make install` puts there), tree/, tmp/ and logs/.
stage_make() {
	umask 022
	server_finds_private || return 1
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
	# set or not set is a difference for these
	local variable
	for variable in VMCLONE_TEST_SEED VMCLONE_TEST_KILLS VMCLONE_TEST_CHURN VMCLONE_ENGINE_SCHEMA PG_TEST_TIMEOUT_DEFAULT; do
		[ -z "${!variable-}" ] || as_user+=("$variable=${!variable}")
	done
}

# stage_give: hands the folder to that user.
stage_give() {
	stage_user
	[ ${#as_user[@]} = 0 ] || chown -R "$("${as_user[@]}" id -u):$("${as_user[@]}" id -g)" "$stage"
	# root may have FUSE for itself; a test that makes a FUSE file system in namespaces of its own needs the device
	[ ${#as_user[@]} = 0 ] || [ ! -c /dev/fuse ] || mknod -m 666 "$stage/fuse" c 10 229 2>/dev/null || true
}

# stage_devices: a directory of that user in /dev, and files with four loop devices each, as machines that see one LUN
# (test/t/lib/LoopGroup.pm).  Nothing where this isn't root, or where loop devices are not permitted.
stage_devices() {
	local file loop loops
	[ "$(id -u)" = 0 ] && [ -c /dev/loop-control ] && command -v losetup >/dev/null || return 0
	mkdir "$stage/devices" "/dev/${stage##*/}"
	for file in "$stage/devices/"{1..7}; do
		truncate -s 4M "$file"
		loops=
		for _ in 1 2 3 4; do
			loop=$(losetup --show -f "$file" 2>/dev/null) && chown --reference="$stage" "$loop" || return 0
			loops+=" $loop"
		done
		echo "$file$loops"
	done >"$stage/devices/made"
	mv "$stage/devices/made" "$stage/devices/loops"
	chown -R --reference="$stage" "$stage/devices" "/dev/${stage##*/}"
}

# stage_remove: stops what still runs on the folder and removes it.  A suite cleans up behind itself; this is for
# one that was killed, whose tests may still be at it.
stage_remove() {
	local pidfile pid mount loop
	set +e
	for _ in $(seq 20); do
		find "$stage" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
			pid=$(head -n 1 "$pidfile" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null && sleep 0.2
		done
		# small file systems and loop devices of the copier's tests
		awk -v stage="$stage/" 'index($2, stage) == 1 { print $2 }' /proc/mounts | while read -r mount; do
			umount -l "$mount" 2>/dev/null
		done
		if [ "$(id -u)" = 0 ] && command -v losetup >/dev/null; then
			losetup -ln -O NAME,BACK-FILE 2>/dev/null | awk -v stage="$stage/" 'index($2, stage) == 1 { print $1 }' |
				while read -r loop; do
					losetup -d "$loop" 2>/dev/null && chown --reference=/dev/loop-control "$loop"
				done
			rmdir "/dev/${stage##*/}" 2>/dev/null
		fi
		rm -rf "$stage" 2>/dev/null && [ ! -e "$stage" ] && return
		sleep 0.3
	done
	echo "left behind: $stage" >&2
}
