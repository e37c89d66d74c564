/*
 * row_client.c
 *		A clone as an engine makes it: one statement for each row that is read, written or locked.
 */
#include "row_client.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uuid.h>

#include "connection.h"

#define MAX_COLUMNS 128
#define MAX_ROWS    512
#define MAX_NEW_IDS 512
#define MAX_CHAIN   64
#define BLANK       "00000000-0000-0000-0000-000000000000"
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

static Row rows[MAX_ROWS];
static int row_count;
static char *new_ids[MAX_NEW_IDS]; /* as captured */
static int new_id_count;
static char *captured_name;
static char *captured_macs[16];
static int captured_mac_count;

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

/* The same rows of a table by one statement: all_<table>. */
static void
name_table_insert(const char *table, const char *columns, int count, int rows_of_table)
{
	size_t size = 8192 + 8 * (size_t) count * rows_of_table;
	char *sql = malloc(size);
	char name[64];
	size_t length;

	if (rows_of_table == 0)
	{
		free(sql);
		return;
	}
	length = snprintf(sql, size, "INSERT INTO vmclone.%s (%s) VALUES ", table, columns);
	for (int i = 0; i < count * rows_of_table; i++)
		length +=
			snprintf(sql + length, size - length, "%s$%d%s", i % count ? ", " : (i ? ", (" : "("),
					 i + 1, i % count == count - 1 ? ")" : "");
	snprintf(name, sizeof(name), "all_%s", table);
	connection_name(name, sql);
	free(sql);
}

/* All rows that the call wrote, by the transaction that wrote them. */
void
row_client_capture(int vm)
{
	char sql[4096];
	PGresult *result;

	connection_execute("BEGIN");
	snprintf(
		sql, sizeof(sql),
		"SELECT vm_id, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('bench%d', %d),"
		" 'captured%d', start_paused => true)",
		vm, LAYER, vm);
	result = connection_query(sql);
	captured_name = strdup(PQgetvalue(result, 0, 1));
	snprintf(sql, sizeof(sql),
			 "SELECT unnest(row_ids) FROM vmclone.lineage WHERE vm_id = '%s' UNION"
			 " SELECT job_id FROM vmclone.jobs WHERE vm_id = '%s' UNION"
			 " SELECT call_id FROM vmclone.jobs WHERE vm_id = '%s' UNION"
			 " SELECT task_id FROM vmclone.async_tasks WHERE vm_id = '%s'",
			 PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 0),
			 PQgetvalue(result, 0, 0));
	PQclear(result);
	result = connection_query(sql);
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
		result = connection_query(sql);
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
		connection_name(tables[t], sql);

		snprintf(sql, sizeof(sql),
				 "SELECT %s FROM vmclone.%s t WHERE t.xmin = pg_current_xact_id()::xid%s", columns,
				 tables[t],
				 /* those that were only locked are updated, not inserted */
				 strcmp(tables[t], "images") == 0 || strcmp(tables[t], "snapshots") == 0
					 ? " AND t._create_date = now()"
					 : "");
		result = connection_query(sql);
		name_table_insert(tables[t], columns, count, PQntuples(result));
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
	connection_execute("ROLLBACK");

	connection_name("read_snapshot",
					"SELECT * FROM vmclone.snapshots WHERE snapshot_id = $1::uuid");
	connection_name(
		"read_busy",
		"SELECT count(*) FROM vmclone.snapshots WHERE vm_id = $1::uuid AND status <> 'OK'");
	connection_name("read_vm", "SELECT * FROM vmclone.vm_static WHERE vm_guid = $1::uuid");
	connection_name("read_status",
					"SELECT status FROM vmclone.vm_dynamic WHERE vm_guid = $1::uuid");
	connection_name(
		"lock_images",
		"UPDATE vmclone.images SET imagestatus = 2 WHERE image_guid = ANY ($1::uuid[])");
	connection_name("count_all_up", "UPDATE vmclone.reservations SET version = version + 1"
									" WHERE (kind, entity_id) IN (($1, $2::uuid), ($3, $4::uuid))");
	connection_name("read_chains",
					"WITH RECURSIVE chain AS (SELECT i.image_guid, i.parentid FROM vmclone.images i"
					" WHERE i.image_guid IN ($1::uuid, $2::uuid) UNION ALL SELECT i.image_guid,"
					" i.parentid FROM chain c JOIN vmclone.images i ON i.image_guid = c.parentid)"
					" SELECT image_guid FROM chain");
	connection_name("read_cluster", "SELECT * FROM vmclone.cluster WHERE cluster_id = $1::uuid");
	connection_name("read_pool", "SELECT * FROM vmclone.storage_pool WHERE id = $1::uuid");
	connection_name("read_cpu_profile", "SELECT * FROM vmclone.cpu_profiles WHERE id = $1::uuid");
	connection_name(
		"read_domain",
		"SELECT * FROM vmclone.storage_domain_static s JOIN vmclone.storage_domain_dynamic d"
		" USING (id) JOIN vmclone.storage_pool_iso_map m ON m.storage_id = s.id WHERE id = $1::uuid");
	connection_name("read_disk_profiles",
					"SELECT * FROM vmclone.disk_profiles WHERE storage_domain_id = $1::uuid");
	connection_name(
		"read_network",
		"SELECT * FROM vmclone.network n JOIN vmclone.vnic_profiles p ON p.network_id = n.id"
		" JOIN vmclone.network_cluster c USING (network_id) WHERE n.name = $1 LIMIT 1");
	connection_name(
		"read_quota",
		"SELECT * FROM vmclone.quota q JOIN vmclone.quota_limitation l ON l.quota_id = q.id"
		" WHERE q.id = $1::uuid");
	connection_name("read_address", "SELECT id FROM vmclone.vm_interface WHERE mac_addr = $1");
	connection_name("read_holders",
					"SELECT * FROM vmclone.image_locks WHERE kind = $1 AND entity_id = $2::uuid");
	connection_name("read_children",
					"SELECT image_guid FROM vmclone.images WHERE parentid = $1::uuid");
	connection_name("read_name", "SELECT 1 FROM vmclone.vm_static WHERE vm_name = $1");
	connection_name(
		"read_image",
		"SELECT i.image_guid, i.parentid, i.*, m.*, d.actual_size FROM vmclone.images i"
		" LEFT JOIN vmclone.image_storage_domain_map m ON m.image_id = i.image_guid"
		" LEFT JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE i.image_guid = $1::uuid");
	connection_name(
		"read_device",
		"SELECT * FROM vmclone.vm_device WHERE device_id = $1::uuid AND vm_id = $2::uuid");
	connection_name("read_interface", "SELECT * FROM vmclone.vm_interface WHERE id = $1::uuid");
	connection_name("read_disk", "SELECT * FROM vmclone.base_disks WHERE disk_id = $1::uuid");
	connection_name(
		"read_element",
		"SELECT * FROM vmclone.disk_vm_element WHERE disk_id = $1::uuid AND vm_id = $2::uuid");
	connection_name("lock_snapshot",
					"UPDATE vmclone.snapshots SET status = 'LOCKED' WHERE snapshot_id = $1::uuid");
	connection_name("lock_image",
					"UPDATE vmclone.images SET imagestatus = 2 WHERE image_guid = $1::uuid");
	connection_name(
		"count_up",
		"UPDATE vmclone.reservations SET version = version + 1 WHERE kind = $1 AND entity_id = $2::uuid");
}

Source
row_client_source(int vm)
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
	result = connection_query(sql);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = strdup(PQgetvalue(result, 0, i));
	PQclear(result);
	snprintf(sql, sizeof(sql),
			 "SELECT device_id, CASE WHEN device = 'disk' OR type = 'interface' THEN type END"
			 " FROM vmclone.vm_device WHERE vm_id = '%s'",
			 source.vm);
	result = connection_query(sql);
	for (int i = 0; i < PQntuples(result) && i < MAX_DEVICES; i++)
	{
		source.devices[i] = strdup(PQgetvalue(result, i, 0));
		source.types[i] = strdup(PQgetvalue(result, i, 1));
		source.device_count++;
	}
	PQclear(result);
	return source;
}

/* What of the VM isn't in rows: the engine parses the snapshot's OVF, too. */
static void
read_configuration(const char *snapshot)
{
	PGresult *result = connection_run("read_snapshot", 1, &snapshot);
	char *ovf = PQgetvalue(result, 0, PQfnumber(result, "vm_configuration"));
	xmlDocPtr document = xmlReadMemory(ovf, strlen(ovf), NULL, NULL, XML_PARSE_NONET);

	/* libxml2 2.9 gives a document, too, whose longest text it has cut */
	if (document == NULL || (xmlGetLastError() && xmlGetLastError()->level >= XML_ERR_ERROR))
	{
		fprintf(stderr, "clone_clients: snapshot %s has no OVF that can be read\n", snapshot);
		exit(1);
	}
	xmlFreeDoc(document);
	PQclear(result);
}

static void
read_holders(const char *kind, const char *id)
{
	const char *key[] = {kind, id};

	PQclear(connection_run("read_holders", 2, key));
}

/* What a clone has of its own: ids, name, addresses, the source's chains. */
typedef struct Clone
{
	const Source *source;
	const char *name;
	char fresh[MAX_NEW_IDS][37];
	char macs[16][32];
	char *chain[MAX_CHAIN];
	int chain_length;
	int locks;
	int states;
} Clone;

static Clone
clone_begin(const Source *source, const char *name, unsigned number)
{
	Clone clone = {.source = source, .name = name};

	for (int i = 0; i < new_id_count; i++)
	{
		uuid_t id;

		uuid_generate_random(id);
		uuid_unparse_lower(id, clone.fresh[i]);
	}
	for (int i = 0; i < captured_mac_count; i++)
		snprintf(clone.macs[i], sizeof(clone.macs[i]), "02:%02x:%02x:%02x:%02x:%02x",
				 getpid() & 0xff, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff, i);
	connection_execute("BEGIN");
	connection_statements++;
	return clone;
}

static void
clone_end(Clone *clone)
{
	connection_execute("COMMIT");
	connection_statements++;
	for (int i = 0; i < clone->chain_length; i++)
		free(clone->chain[i]);
}

static void
add_to_chain(Clone *clone, const char *image)
{
	if (clone->chain_length == MAX_CHAIN)
	{
		fprintf(stderr, "clone_clients: the chain is too long\n");
		exit(1);
	}
	clone->chain[clone->chain_length++] = strdup(image);
}

/* From the snapshot's image down to the first one. */
static void
read_chain(Clone *clone, const char *top)
{
	char *image = strdup(top);

	while (strcmp(image, BLANK) != 0)
	{
		const char *value = image;
		PGresult *result = connection_run("read_image", 1, &value);

		if (PQntuples(result) != 1)
		{
			fprintf(stderr, "clone_clients: image %s is not there once\n", image);
			exit(1);
		}
		add_to_chain(clone, image);
		if (strcmp(image, top) == 0)
			connection_run_value("read_quota",
								 PQgetvalue(result, 0, PQfnumber(result, "quota_id")));
		free(image);
		image = strdup(PQgetvalue(result, 0, 1));
		PQclear(result);
	}
	free(image);
}

static void
read_and_check(Clone *clone)
{
	const Source *source = clone->source;

	read_configuration(source->snapshot);
	connection_run_value("read_busy", source->vm);
	connection_run_value("read_vm", source->vm);
	connection_run_value("read_vm", BLANK); /* its template */
	connection_run_value("read_status", source->vm);
	connection_run_value("read_cluster", source->cluster);
	connection_run_value("read_pool", source->pool);
	connection_run_value("read_cpu_profile", source->cpu_profile);
	connection_run_value("read_domain", source->domain);
	connection_run_value("read_disk_profiles", source->domain);
	connection_run_value("read_name", clone->name);
	connection_run_value("read_network", "net1");
	connection_run_value("read_network", "net2");
	connection_run_value("read_network", "net1");
	for (int d = 0; d < 2; d++)
		read_chain(clone, source->images[d]);
	/* rows are cloned whole: what the OVF doesn't know comes from the current ones */
	for (int i = 0; i < source->device_count; i++)
	{
		const char *key[] = {source->devices[i], source->vm};

		PQclear(connection_run("read_device", 2, key));
		if (strcmp(source->types[i], "interface") == 0)
			connection_run_value("read_interface", source->devices[i]);
		else if (strcmp(source->types[i], "disk") == 0)
		{
			connection_run_value("read_disk", source->devices[i]);
			PQclear(connection_run("read_element", 2, key));
		}
	}
	for (int i = 0; i < captured_mac_count; i++)
		connection_run_value("read_address", clone->macs[i]);
	read_holders("snapshot", source->snapshot);
	for (int i = 0; i < clone->chain_length; i++)
	{
		read_holders("image", clone->chain[i]);
		connection_run_value("read_children", clone->chain[i]);
	}
}

/* A captured row's values as this clone's. */
static void
values_of(Clone *clone, const Row *row, const char **values)
{
	const char *table = tables[row->table];
	int *entity = NULL;

	for (int c = 0; c < row->count; c++)
	{
		int mac = -1;

		values[c] = row->values[c];
		if (values[c] == NULL)
			continue;
		if (strcmp(table, "vm_interface") == 0)
			mac = find(captured_macs, captured_mac_count, values[c]);
		if (row->new_id[c] >= 0)
			values[c] = clone->fresh[row->new_id[c]];
		else if (strcmp(values[c], captured_name) == 0)
			values[c] = clone->name;
		else if (mac >= 0)
			values[c] = clone->macs[mac];
	}
	/* the second column is the entity: this VM's snapshot, then its images */
	if (strcmp(table, "image_locks") == 0)
		entity = &clone->locks;
	else if (strcmp(table, "lock_state") == 0)
		entity = &clone->states;
	if (entity)
	{
		values[0] = *entity == 0 ? "snapshot" : "image";
		values[1] = *entity == 0 ? clone->source->snapshot : clone->chain[*entity - 1];
		++*entity;
	}
}

void
row_client_clone(const Source *source, const char *name, unsigned number)
{
	Clone clone = clone_begin(source, name, number);
	const char *pool[] = {"storage_pool", source->pool};
	const char *domain[] = {"storage_domain", source->domain};

	read_and_check(&clone);
	connection_run_value("lock_snapshot", source->snapshot);
	for (int i = 0; i < clone.chain_length; i++)
		connection_run_value("lock_image", clone.chain[i]);
	PQclear(connection_run("count_up", 2, pool));
	PQclear(connection_run("count_up", 2, domain));
	for (int r = 0; r < row_count; r++)
	{
		const char *values[MAX_COLUMNS];

		values_of(&clone, &rows[r], values);
		PQclear(connection_run(tables[rows[r].table], rows[r].count, values));
	}
	clone_end(&clone);
}

void
row_client_write(const Source *source, const char *name, unsigned number)
{
	Clone clone = clone_begin(source, name, number);
	const char *both[] = {"storage_pool", source->pool, "storage_domain", source->domain};
	const char *tops[] = {source->images[0], source->images[1]};
	char images[MAX_CHAIN * 40] = "{";
	PGresult *result = connection_run("read_chains", 2, tops);

	for (int i = 0; i < PQntuples(result); i++)
	{
		add_to_chain(&clone, PQgetvalue(result, i, 0));
		strcat(strcat(images, i ? "," : ""), clone.chain[i]);
	}
	PQclear(result);
	strcat(images, "}");
	connection_run_value("lock_snapshot", source->snapshot);
	connection_run_value("lock_images", images);
	PQclear(connection_run("count_all_up", 4, both));
	for (int r = 0; r < row_count;)
	{
		static const char *values[MAX_ROWS * 16];
		int table = rows[r].table;
		int count = 0;
		char insert[64];

		for (; r < row_count && rows[r].table == table; r++)
		{
			if (count + rows[r].count > MAX_ROWS * 16)
				exit(1);
			values_of(&clone, &rows[r], values + count);
			count += rows[r].count;
		}
		snprintf(insert, sizeof(insert), "all_%s", tables[table]);
		PQclear(connection_run(insert, count, values));
	}
	clone_end(&clone);
}
