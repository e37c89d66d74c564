# shellcheck shell=bash
# Sourced by the suites: where things are, and a private cluster for a suite.
#
# VMCLONE_STAGE	the temporary folder that run-tests (or run-demo) made: tree/, install/, tmp/, logs/

pg_config=${PG_CONFIG:-pg_config}
bindir=$("$pg_config" --bindir)
pgxs_dir=$("$pg_config" --pgxs)
pgxs_dir=${pgxs_dir%/makefiles/*}
pg_major=$("$bindir/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
installed=$VMCLONE_STAGE/install
PATH=$bindir:$PATH
export PATH PG_CONFIG="$pg_config" PGUSER=postgres LC_MESSAGES=C TZ=UTC
unset PGDATABASE PGSERVICE PGHOST PGPORT PGOPTIONS PGPASSFILE

# server_settings STORAGE: the settings every private server needs to find what was installed
# below $installed and not into the system.
server_settings() {
	if [ "$pg_major" -ge 18 ]; then
		echo "extension_control_path = '$installed$("$pg_config" --sharedir):\$system'"
	else
		# Debian's own setting
		echo "extension_destdir = '$installed'"
	fi
	cat <<-CONF
		dynamic_library_path = '$installed$("$pg_config" --pkglibdir):\$libdir'
		vmclone.copy_program = '$installed$bindir/vmclone-copy'
		vmclone.storage_roots = '$1'
	CONF
}

# cluster_start DIR [LINE…]: makes and starts a cluster in DIR (data, log, storage below it), socket
# only; the LINEs go into postgresql.conf.  Sets PGHOST and PGPORT.
cluster_start() {
	private_cluster=$1
	shift
	mkdir -p "$private_cluster/storage" "$private_cluster/socket"
	initdb --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
		--pgdata="$private_cluster/data" >"$private_cluster/initdb.log" 2>&1 || {
		cat "$private_cluster/initdb.log" >&2
		return 1
	}
	{
		server_settings "$private_cluster/storage"
		cat <<-CONF
			listen_addresses = ''
			unix_socket_directories = '$private_cluster/socket'
			fsync = off
			shared_buffers = 64MB
			max_connections = 50
			max_worker_processes = 16
			max_prepared_transactions = 10
			restart_after_crash = on
			log_line_prefix = '%m [%p] %b %a '
			timezone = 'UTC'
			datestyle = 'ISO, MDY'
		CONF
		printf '%s\n' "$@"
	} >>"$private_cluster/data/postgresql.conf"
	export PGHOST=$private_cluster/socket PGPORT=5432 VMCLONE_TEST_STORAGE=$private_cluster/storage
	pg_ctl -w -t 60 -D "$private_cluster/data" -l "$private_cluster/server.log" start >"$private_cluster/start.log" 2>&1 || {
		cat "$private_cluster/start.log" >&2
		tail -n 20 "$private_cluster/server.log" >&2
		return 1
	}
}

# cluster_stop: stops the cluster that cluster_start made last.
cluster_stop() {
	[ -f "${private_cluster:-/nonexistent}/data/postmaster.pid" ] || return 0
	pg_ctl -w -t 60 -m fast -D "$private_cluster/data" stop >/dev/null 2>&1 ||
		pg_ctl -w -t 60 -m immediate -D "$private_cluster/data" stop >/dev/null 2>&1 || true
}

# inventory_engine FOLDER: from here on the suite runs on an engine's own tables instead of vmclone's: the tests, written
# for those, are in FOLDER, which becomes the current one, and new databases have schema "engine" (test/engine).  Needs
# the server.
inventory_engine() {
	test/engine/make-tree "$1" && cd "$1" || return 1
	psql -qX -v ON_ERROR_STOP=1 -d postgres -c "CREATE DATABASE engine_template" &&
		psql -qX -d engine_template -f test/engine/schema.sql || return 1
	database_template=engine_template
}

# for_inventory FILE: whether a test has a sense on an engine's tables, too.
for_inventory() {
	[ -z "${database_template-}" ] || ! grep -qx "$1" test/engine/own-tables-only
}

# new_database NAME: an empty one, or one with an engine's tables; with the settings that pg_regress gives a database.
new_database() {
	psql -qX -v ON_ERROR_STOP=1 -d postgres -c "DROP DATABASE IF EXISTS \"$1\" WITH (FORCE)" \
		-c "CREATE DATABASE \"$1\" TEMPLATE ${database_template:-template1}" \
		-c "ALTER DATABASE \"$1\" SET bytea_output = 'hex'" \
		-c "ALTER DATABASE \"$1\" SET timezone_abbreviations = 'Default'" >/dev/null 2>&1
}

# prepared_database NAME: a new database with the extension and the fixture's inventory in it.
prepared_database() {
	new_database "$1"
	PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -d "$1" \
		-c "CREATE EXTENSION vmclone CASCADE" >/dev/null
	if [ -f test/fixture/fixture.sql ]; then
		PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -d "$1" \
			-f test/fixture/fixture.sql >/dev/null
	fi
}

# run_case SUITE NAME COMMAND…: runs one pg_regress or pg_isolation_regress case whose output folder is
# $work (set by the suite); counts it in $passed or $failed; of a failed one shows the diff, keeps the output, and adds
# a line FAILED and what differs to $failures.
# shellcheck disable=SC2154
run_case() {
	local suite=$1 name=$2
	shift 2
	if "$@" --bindir="$bindir" --outputdir="$work" --host="$PGHOST" --port="$PGPORT" --user=postgres "$name" \
		>"$work/$name.log" 2>&1; then
		passed=$((passed + 1))
		grep -E "^(test |ok )" "$work/$name.log"
		return
	fi
	failed=$((failed + 1))
	failures+=("FAILED $suite $name")
	grep -E "^(test |not ok )" "$work/$name.log" || {
		tail -n 5 "$work/$name.log"
		failures+=("$(tail -n 3 "$work/$name.log" | sed 's/^/    /')")
	}
	if [ -f "$work/results/$name.out" ]; then
		cp "$work/results/$name.out" "$VMCLONE_STAGE/logs/$suite-$name.out"
	fi
	if [ -s "$work/regression.diffs" ]; then
		cp "$work/regression.diffs" "$VMCLONE_STAGE/logs/$suite-$name.diffs"
		head -n 60 "$work/regression.diffs"
		failures+=("$(grep -E '^[-+]' "$work/regression.diffs" | grep -vE '^(---|\+\+\+)' | head -n 6 | cut -c 1-200 | sed 's/^/    /')")
		rm "$work/regression.diffs"
	fi
}

# cases_end SUITE: what run_case counted, and whether the private server went down in a bad way; the suite's status.
cases_end() {
	local crash
	if crash=$(grep -E 'PANIC|terminated by signal|TRAP:|was not properly shut down' "$private_cluster/server.log"); then
		failed=$((failed + 1))
		failures+=("FAILED $1: the server crashed" "$(printf '%s\n' "$crash" | head -n 3 | sed 's/^/    /')")
	fi
	cp "$private_cluster/server.log" "$VMCLONE_STAGE/logs/$1-server.log"
	[ ${#failures[@]} = 0 ] || printf '%s\n' "${failures[@]}"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
