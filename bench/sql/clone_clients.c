/*
 * clone_clients.c
 *		Clones VMs from snapshots over libpq, and says how long that took.
 *
 *	clone_clients call|rows CLIENTS FIRST COUNT COPIES
 *
 * call	one SELECT of vmclone.add_vm_from_snapshot for each clone (or for COPIES clones)
 * rows	the same clone as an engine makes it: one transaction with one prepared statement for each
 *		row that is read, written or locked.  Which rows these are is taken from a call: it is made
 *		once in a transaction that is rolled back, and its rows are what is inserted, with new ids,
 *		names and MAC addresses.
 *
 * Each of CLIENTS processes clones COUNT of the fixture's VMs bench<FIRST>, bench<FIRST + 1>, …, every
 * one once.  Prints one line: calls, milliseconds a call (median, 95th percentile), clones a second
 * over all clients, statements a call, milliseconds of CPU a call (server and client).
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uuid.h>

#define WARM_UP     12 /* clones before the clock starts: plans, caches */
#define MAX_COLUMNS 128
#define MAX_ROWS    512
#define MAX_NEW_IDS 512
#define EXTRA       3 /* after the times: statements, whole time, CPU time */
#define MAX_CHAIN   64
#define MAX_DEVICES 64
#define LAYER       9 /* the snapshot that is cloned */

typedef struct Row
{
	int table;
	int count;
	char *values[MAX_COLUMNS];
	int new_id[MAX_COLUMNS]; /* which new id stands here; -1: none */
} Row;

/* Children after their parents. */
static const char *const tables[] = {"vm_static",
									 "vm_dynamic",
									 "vm_statistics",
									 "snapshots",
									 "vm_ovf_generations",
									 "base_disks",
									 "images",
									 "disk_image_dynamic",
									 "image_storage_domain_map",
									 "disk_vm_element",
									 "vm_interface",
									 "vm_interface_statistics",
									 "vm_device",
									 "vm_init",
									 "numa_node",
									 "numa_node_cpu_map",
									 "permissions",
									 "audit_log",
									 "jobs",
									 "async_tasks",
									 "lineage",
									 "vm_names",
									 "image_locks",
									 "lock_state"};

#define TABLE_COUNT ((int) (sizeof(tables) / sizeof(tables[0])))

static PGconn *connection;
static Row rows[MAX_ROWS];
static int row_count;
static char *new_ids[MAX_NEW_IDS]; /* as captured */
static int new_id_count;
static char *captured_name;
static char *captured_macs[16];
static int captured_mac_count;
static long statements;

static void
fail(const char *what)
{
	fprintf(stderr, "clone_clients: %s: %s", what, PQerrorMessage(connection));
	exit(1);
}

static PGresult *
check(PGresult *result, const char *what)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail(what);
	return result;
}

static PGresult *
query(const char *sql)
{
	return check(PQexec(connection, sql), sql);
}

static void
prepare(const char *name, const char *sql)
{
	PQclear(check(PQprepare(connection, name, sql, 0, NULL), sql));
}

static PGresult *
run(const char *name, int count, const char *const *values)
{
	statements++;
	return check(PQexecPrepared(connection, name, count, values, NULL, NULL, 0), name);
}

static void
run_only(const char *name, const char *value)
{
	PQclear(run(name, 1, &value));
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* Milliseconds of CPU that the server's process, and this one, have used. */
static double
cpu(void)
{
	char path[64];
	FILE *file;
	double nanoseconds = 0;
	struct rusage own;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", PQbackendPID(connection));
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%lf", &nanoseconds) != 1)
	{
		perror(path);
		exit(1);
	}
	fclose(file);
	getrusage(RUSAGE_SELF, &own);
	return nanoseconds / 1e6 + (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1e3 +
		   (own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e3;
}

static char *
text(const char *format, int a, int b)
{
	char buffer[256];

	snprintf(buffer, sizeof(buffer), format, a, b);
	return strdup(buffer);
}

static int
find(char *const *list, int count, const char *value)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(list[i], value) == 0)
			return i;
	}
	return -1;
}

/* All rows that the call wrote, by the transaction that wrote them. */
static void
capture(int vm)
{
	char sql[4096];
	PGresult *result;

	PQclear(query("BEGIN"));
	snprintf(
		sql, sizeof(sql),
		"SELECT vm_id, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('bench%d', %d),"
		" 'captured%d', start_paused => true)",
		vm, LAYER, vm);
	result = query(sql);
	captured_name = strdup(PQgetvalue(result, 0, 1));
	snprintf(sql, sizeof(sql),
			 "SELECT unnest(row_ids) FROM vmclone.lineage WHERE vm_id = '%s' UNION"
			 " SELECT job_id FROM vmclone.jobs WHERE vm_id = '%s' UNION"
			 " SELECT call_id FROM vmclone.jobs WHERE vm_id = '%s' UNION"
			 " SELECT task_id FROM vmclone.async_tasks WHERE vm_id = '%s'",
			 PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 0),
			 PQgetvalue(result, 0, 0));
	PQclear(result);
	result = query(sql);
	for (int i = 0; i < PQntuples(result) && i < MAX_NEW_IDS; i++)
		new_ids[new_id_count++] = strdup(PQgetvalue(result, i, 0));
	PQclear(result);

	for (int t = 0; t < TABLE_COUNT; t++)
	{
		char columns[4096] = "";
		char parameters[2048] = "";
		int count;

		snprintf(
			sql, sizeof(sql),
			"SELECT attname FROM pg_attribute WHERE attrelid = 'vmclone.%s'::regclass AND attnum > 0"
			" AND NOT attisdropped AND attgenerated = '' AND attidentity = ''"
			" AND attname <> 'audit_log_id' ORDER BY attnum",
			tables[t]);
		result = query(sql);
		count = PQntuples(result);
		for (int c = 0; c < count; c++)
		{
			snprintf(columns + strlen(columns), sizeof(columns) - strlen(columns), "%s%s",
					 c ? ", " : "", PQgetvalue(result, c, 0));
			snprintf(parameters + strlen(parameters), sizeof(parameters) - strlen(parameters),
					 "%s$%d", c ? ", " : "", c + 1);
		}
		PQclear(result);
		snprintf(sql, sizeof(sql), "INSERT INTO vmclone.%s (%s) VALUES (%s)", tables[t], columns,
				 parameters);
		prepare(tables[t], sql);

		snprintf(sql, sizeof(sql),
				 "SELECT %s FROM vmclone.%s t WHERE t.xmin = pg_current_xact_id()::xid%s", columns,
				 tables[t],
				 /* those that were only locked are updated, not inserted */
				 strcmp(tables[t], "images") == 0 || strcmp(tables[t], "snapshots") == 0
					 ? " AND t._create_date = now()"
					 : "");
		result = query(sql);
		for (int r = 0; r < PQntuples(result); r++)
		{
			Row *row = &rows[row_count++];

			if (row_count == MAX_ROWS)
			{
				fprintf(stderr, "clone_clients: too many rows\n");
				exit(1);
			}
			row->table = t;
			row->count = count;
			for (int c = 0; c < count; c++)
			{
				row->values[c] =
					PQgetisnull(result, r, c) ? NULL : strdup(PQgetvalue(result, r, c));
				row->new_id[c] = row->values[c] ? find(new_ids, new_id_count, row->values[c]) : -1;
				if (row->values[c] && strcmp(PQfname(result, c), "mac_addr") == 0)
					captured_macs[captured_mac_count++] = row->values[c];
			}
		}
		PQclear(result);
	}
	PQclear(query("ROLLBACK"));

	prepare("read_snapshot", "SELECT * FROM vmclone.snapshots WHERE snapshot_id = $1::uuid");
	prepare("read_busy",
			"SELECT count(*) FROM vmclone.snapshots WHERE vm_id = $1::uuid AND status <> 'OK'");
	prepare("read_vm", "SELECT * FROM vmclone.vm_static WHERE vm_guid = $1::uuid");
	prepare("read_status", "SELECT status FROM vmclone.vm_dynamic WHERE vm_guid = $1::uuid");
	prepare("read_cluster", "SELECT * FROM vmclone.cluster WHERE cluster_id = $1::uuid");
	prepare("read_pool", "SELECT * FROM vmclone.storage_pool WHERE id = $1::uuid");
	prepare("read_cpu_profile", "SELECT * FROM vmclone.cpu_profiles WHERE id = $1::uuid");
	prepare(
		"read_domain",
		"SELECT * FROM vmclone.storage_domain_static s JOIN vmclone.storage_domain_dynamic d"
		" USING (id) JOIN vmclone.storage_pool_iso_map m ON m.storage_id = s.id WHERE id = $1::uuid");
	prepare("read_disk_profiles",
			"SELECT * FROM vmclone.disk_profiles WHERE storage_domain_id = $1::uuid");
	prepare("read_network",
			"SELECT * FROM vmclone.network n JOIN vmclone.vnic_profiles p ON p.network_id = n.id"
			" JOIN vmclone.network_cluster c USING (network_id) WHERE n.name = $1 LIMIT 1");
	prepare("read_name", "SELECT 1 FROM vmclone.vm_static WHERE vm_name = $1");
	prepare(
		"read_image",
		"SELECT i.image_guid, i.parentid, i.*, m.*, d.actual_size FROM vmclone.images i"
		" LEFT JOIN vmclone.image_storage_domain_map m ON m.image_id = i.image_guid"
		" LEFT JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE i.image_guid = $1::uuid");
	prepare("read_device",
			"SELECT * FROM vmclone.vm_device WHERE device_id = $1::uuid AND vm_id = $2::uuid");
	prepare("read_interface", "SELECT * FROM vmclone.vm_interface WHERE id = $1::uuid");
	prepare("read_disk", "SELECT * FROM vmclone.base_disks WHERE disk_id = $1::uuid");
	prepare("read_element",
			"SELECT * FROM vmclone.disk_vm_element WHERE disk_id = $1::uuid AND vm_id = $2::uuid");
	prepare("lock_snapshot",
			"UPDATE vmclone.snapshots SET status = 'LOCKED' WHERE snapshot_id = $1::uuid");
	prepare("lock_image", "UPDATE vmclone.images SET imagestatus = 2 WHERE image_guid = $1::uuid");
	prepare(
		"count_up",
		"UPDATE vmclone.reservations SET version = version + 1 WHERE kind = $1 AND entity_id = $2::uuid");
}

/* Ids of the source that the client has in its hands, as an engine has. */
typedef struct Source
{
	char *vm;
	char *snapshot;
	char *images[2];
	char *cluster;
	char *pool;
	char *domain;
	char *cpu_profile;
	char *devices[MAX_DEVICES]; /* ids, types: from the snapshot's OVF */
	char *types[MAX_DEVICES];
	int device_count;
} Source;

static Source
source_of(int vm)
{
	char sql[1024];
	PGresult *result;
	Source source = {0};
	char **fields[] = {&source.vm,      &source.snapshot, &source.images[0], &source.images[1],
					   &source.cluster, &source.pool,     &source.domain,    &source.cpu_profile};

	snprintf(
		sql, sizeof(sql),
		"SELECT fixture.vm('bench%d'), fixture.snapshot('bench%d', %d), fixture.image('bench%d', 1, %d),"
		" fixture.image('bench%d', 2, %d), fixture.id('cl1'), fixture.id('dc1'), fixture.id('nfs1'),"
		" fixture.id('cpu profile cl1')",
		vm, vm, LAYER, vm, LAYER, vm, LAYER);
	result = query(sql);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = strdup(PQgetvalue(result, 0, i));
	PQclear(result);
	snprintf(sql, sizeof(sql),
			 "SELECT device_id, CASE WHEN device = 'disk' OR type = 'interface' THEN type END"
			 " FROM vmclone.vm_device WHERE vm_id = '%s'",
			 source.vm);
	result = query(sql);
	for (int i = 0; i < PQntuples(result) && i < MAX_DEVICES; i++)
	{
		source.devices[i] = strdup(PQgetvalue(result, i, 0));
		source.types[i] = strdup(PQgetvalue(result, i, 1));
		source.device_count++;
	}
	PQclear(result);
	return source;
}

static void
clone_by_rows(const Source *source, const char *name, unsigned number)
{
	char fresh[MAX_NEW_IDS][37];
	char macs[16][32];
	char *chain[MAX_CHAIN];
	int chain_length = 0;
	int lock = 0;
	int state = 0;

	for (int i = 0; i < new_id_count; i++)
	{
		uuid_t id;

		uuid_generate_random(id);
		uuid_unparse_lower(id, fresh[i]);
	}
	for (int i = 0; i < captured_mac_count; i++)
		snprintf(macs[i], sizeof(macs[i]), "02:%02x:%02x:%02x:%02x:%02x", getpid() & 0xff,
				 (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff, i);

	PQclear(query("BEGIN"));
	statements++;
	run_only("read_snapshot", source->snapshot);
	run_only("read_busy", source->vm);
	run_only("read_vm", source->vm);
	run_only("read_status", source->vm);
	run_only("read_cluster", source->cluster);
	run_only("read_pool", source->pool);
	run_only("read_cpu_profile", source->cpu_profile);
	run_only("read_domain", source->domain);
	run_only("read_disk_profiles", source->domain);
	run_only("read_name", name);
	run_only("read_network", "net1");
	run_only("read_network", "net2");
	run_only("read_network", "net1");
	for (int d = 0; d < 2; d++)
	{
		char *image = source->images[d];

		/* from the snapshot's image down to the first one */
		while (strcmp(image, "00000000-0000-0000-0000-000000000000") != 0)
		{
			const char *value = image;
			PGresult *result = run("read_image", 1, &value);

			if (PQntuples(result) != 1 || chain_length == MAX_CHAIN)
			{
				fprintf(stderr, "clone_clients: image %s is not there once\n", image);
				exit(1);
			}
			chain[chain_length++] = strdup(image);
			image = strdup(PQgetvalue(result, 0, 1));
			PQclear(result);
		}
		if (image != source->images[d])
			free(image);
	}
	/* rows are cloned whole: what the OVF doesn't know comes from the current ones */
	for (int i = 0; i < source->device_count; i++)
	{
		const char *key[] = {source->devices[i], source->vm};

		PQclear(run("read_device", 2, key));
		if (strcmp(source->types[i], "interface") == 0)
			run_only("read_interface", source->devices[i]);
		else if (strcmp(source->types[i], "disk") == 0)
		{
			run_only("read_disk", source->devices[i]);
			PQclear(run("read_element", 2, key));
		}
	}
	run_only("lock_snapshot", source->snapshot);
	for (int i = 0; i < chain_length; i++)
		run_only("lock_image", chain[i]);
	{
		const char *pool[] = {"storage_pool", source->pool};
		const char *domain[] = {"storage_domain", source->domain};

		PQclear(run("count_up", 2, pool));
		PQclear(run("count_up", 2, domain));
	}
	for (int r = 0; r < row_count; r++)
	{
		const Row *row = &rows[r];
		const char *table = tables[row->table];
		const char *values[MAX_COLUMNS];

		for (int c = 0; c < row->count; c++)
		{
			values[c] = row->values[c];
			if (values[c] == NULL)
				continue;
			if (row->new_id[c] >= 0)
				values[c] = fresh[row->new_id[c]];
			else if (strcmp(values[c], captured_name) == 0)
				values[c] = name;
			else
			{
				int mac = -1;

				if (strcmp(table, "vm_interface") == 0)
					mac = find(captured_macs, captured_mac_count, values[c]);
				if (mac >= 0)
					values[c] = macs[mac];
			}
		}
		/* the second column is the entity: this VM's snapshot, then its images */
		if (strcmp(table, "image_locks") == 0)
		{
			values[0] = lock == 0 ? "snapshot" : "image";
			values[1] = lock == 0 ? source->snapshot : chain[lock - 1];
			lock++;
		}
		else if (strcmp(table, "lock_state") == 0)
		{
			values[0] = state == 0 ? "snapshot" : "image";
			values[1] = state == 0 ? source->snapshot : chain[state - 1];
			state++;
		}
		PQclear(run(table, row->count, values));
	}
	PQclear(query("COMMIT"));
	statements++;
	for (int i = 0; i < chain_length; i++)
		free(chain[i]);
}

static void
clone_by_call(const Source *source, const char *name, const char *copies)
{
	const char *values[] = {source->snapshot, name, copies};

	PQclear(run("call", 3, values));
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *) a;
	double right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/* One client: times of its clones, after the warm-up, are written to the pipe. */
static void
client(const char *mode, int number, int first, int count, const char *copies, int ready, int go,
	   int output)
{
	bool by_rows = strcmp(mode, "rows") == 0;
	double *times = calloc(count + EXTRA, sizeof(double));
	Source *sources = calloc(count, sizeof(Source));
	char byte = 0;

	connection = PQconnectdb("");
	if (PQstatus(connection) != CONNECTION_OK)
		fail("could not connect");
	PQclear(query("SET client_min_messages = error"));
	PQclear(query("SET synchronous_commit = off"));
	for (int i = 0; i < count; i++)
		sources[i] = source_of(first + i);
	if (by_rows)
		capture(first);
	else
		prepare("call",
				"SELECT job_id, vm_id, vm_name FROM vmclone.add_vm_from_snapshot($1::uuid, $2,"
				" copies => $3::integer, start_paused => true)");
	for (int i = 0; i < count; i++)
	{
		char *name = text(atoi(copies) > 1 ? "clone%d_%d_{n}" : "clone%d_%d", number, first + i);
		double start;

		if (i == WARM_UP || (count <= WARM_UP && i == 0))
		{
			if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) < 0)
				exit(1);
			statements = 0;
			times[count + 2] = cpu();
			times[count + 1] = now();
		}
		start = now();
		if (by_rows)
			clone_by_rows(&sources[i], name, first + i);
		else
			clone_by_call(&sources[i], name, copies);
		times[i] = now() - start;
		free(name);
	}
	times[count + 1] = now() - times[count + 1];
	times[count + 2] = cpu() - times[count + 2];
	times[count] = statements;
	if (write(output, times, sizeof(double) * (count + EXTRA)) !=
		(ssize_t) (sizeof(double) * (count + EXTRA)))
		exit(1);
	PQfinish(connection);
	exit(0);
}

int
main(int argc, char **argv)
{
	int clients;
	int first;
	int count;
	int warm;
	int ready[2];
	int go[2];
	int outputs[64];
	double *all;
	int measured = 0;
	double longest = 0;
	double statement_count = 0;
	double cpu_time = 0;

	if (argc != 6 || (clients = atoi(argv[2])) < 1 || clients > 64 || (count = atoi(argv[4])) < 1)
	{
		fprintf(stderr, "usage: clone_clients call|rows CLIENTS FIRST COUNT COPIES\n");
		return 2;
	}
	first = atoi(argv[3]);
	warm = count > WARM_UP ? WARM_UP : 0;
	if (pipe(ready) != 0 || pipe(go) != 0)
		return 1;
	for (int c = 0; c < clients; c++)
	{
		int output[2];

		if (pipe(output) != 0)
			return 1;
		switch (fork())
		{
			case -1:
				return 1;
			case 0:
				close(go[1]);
				client(argv[1], c, first + c * count, count, argv[5], ready[1], go[0], output[1]);
				break;
			default:
				close(output[1]);
				outputs[c] = output[0];
		}
	}
	close(ready[1]);
	for (int c = 0; c < clients; c++)
	{
		char byte;

		if (read(ready[0], &byte, 1) != 1)
			return 1;
	}
	close(go[0]);
	close(go[1]); /* all start at once */

	all = calloc((size_t) clients * count, sizeof(double));
	for (int c = 0; c < clients; c++)
	{
		double *times = calloc(count + EXTRA, sizeof(double));
		size_t size = sizeof(double) * (count + EXTRA);
		size_t got = 0;

		while (got < size)
		{
			ssize_t n = read(outputs[c], (char *) times + got, size - got);

			if (n <= 0)
				return 1;
			got += n;
		}
		for (int i = warm; i < count; i++)
			all[measured++] = times[i];
		statement_count += times[count];
		cpu_time += times[count + 2];
		if (times[count + 1] > longest)
			longest = times[count + 1];
		free(times);
	}
	while (wait(NULL) > 0)
		;
	qsort(all, measured, sizeof(double), compare);
	printf("%d %.3f %.3f %.1f %.0f %.3f\n", measured, all[measured / 2], all[measured * 95 / 100],
		   measured * atoi(argv[5]) / (longest / 1e3), statement_count / measured,
		   cpu_time / measured);
	free(all);
	return 0;
}
