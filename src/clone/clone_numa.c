/*
 * clone_numa.c
 *		NUMA nodes of the new virtual machines: the snapshot's, with their CPUs and the hosts' nodes
 *		that they are pinned to.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/json.h"
#include "base/json_objects.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "clone/clone_internal.h"

static RowCopyTarget numa_node = {
	.relation = "numa_node",
	.key = "numa_node_id",
	.column_count = 2,
	.columns = {{"numa_node_id", UUIDOID}, {"vm_id", UUIDOID}},
};

static RowCopyTarget cpu_map = {
	.relation = "numa_node_cpu_map",
	.key = "id",
	.column_count = 2,
	.columns = {{"id", UUIDOID}, {"numa_node_id", UUIDOID}},
};

static RowCopyTarget host_map = {
	.relation = "vm_vds_numa_node_map",
	.key = "id",
	.column_count = 2,
	.columns = {{"id", UUIDOID}, {"vm_numa_node_id", UUIDOID}},
};

static Statement source_numa_nodes = {
	.sql = "SELECT numa_node_id, numa_node_index FROM numa_node WHERE vm_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of source_numa_nodes. */
enum NumaNodeColumn
{
	NUMA_NODE_ID = 1,
	NUMA_NODE_INDEX,
};

static int64
largest_number(const Jsonb *numbers)
{
	int64 largest = -1;

	for (int i = 0; numbers && JB_ROOT_IS_ARRAY(numbers) && i < JB_ROOT_COUNT(numbers); i++)
	{
		JsonbValue *number = getIthJsonbValueFromContainer((JsonbContainer *) &numbers->root, i);

		if (number->type == jbvNumeric)
			largest = Max(largest, DatumGetInt64(DirectFunctionCall1(
									   numeric_int8, NumericGetDatum(number->val.numeric))));
	}
	return largest;
}

bool
clone_takes_numa_nodes(const ClonePlan *plan, const Jsonb *vm_static)
{
	int64 processors;
	int64 memory;
	int count;
	Jsonb **nodes;

	if (!plan->request->use_given_vm_static)
		return true;
	processors = json_get_int64(vm_static, "num_of_sockets", 1) *
				 json_get_int64(vm_static, "cpu_per_socket", 1) *
				 json_get_int64(vm_static, "threads_per_cpu", 1);
	memory = json_get_int64(vm_static, "mem_size_mb", 0);
	nodes = json_elements(json_get(plan->configuration, "numa_nodes"), &count);
	for (int i = 0; i < count; i++)
	{
		memory -= json_get_int64(nodes[i], "mem_total", 0);
		if (largest_number(json_get(nodes[i], "cpu_ids")) >= processors)
			return false;
	}
	return count <= processors && memory >= 0;
}

/* For each number of an array a row in every copy that takes the nodes; nothing where the table is missing. */
static void
add_numbers(CloneWork *work, const bool *takes_nodes, RowCopy *rows, const char *column,
			const pg_uuid_t *node_ids, Jsonb *numbers)
{
	if (rows == NULL || numbers == NULL || !JB_ROOT_IS_ARRAY(numbers))
		return;
	for (int i = 0; i < JB_ROOT_COUNT(numbers); i++)
	{
		JsonbValue *number = getIthJsonbValueFromContainer(&numbers->root, i);
		const Jsonb *overlay;
		int source;

		if (number->type != jbvNumeric)
			continue;
		overlay = json_from_text(
			psprintf("{\"%s\": %s}", column, numeric_normalize(number->val.numeric)));
		source = row_copy_source(rows, NULL, &overlay, 1);
		for (int c = 0; c < work->copy_count; c++)
		{
			pg_uuid_t id = uuid_new();
			const void *values[ROW_COPY_MAX_COLUMNS] = {&id, &node_ids[c]};

			if (!takes_nodes[c])
				continue;
			row_copy_row(rows, source, values);
			clone_note_row(work, c, &id);
		}
	}
}

/* What the current row of the same index knows beyond the snapshot comes along. */
void
clone_numa_write(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	Datum source_vm = UUIDPGetDatum(&plan->source_vm_id);
	int count;
	Jsonb **nodes = json_elements(json_get(plan->configuration, "numa_nodes"), &count);
	RowCopy *rows;
	RowCopy *cpus = NULL;
	RowCopy *hosts = NULL;
	pg_uuid_t *node_ids = palloc(sizeof(pg_uuid_t) * work->copy_count);
	bool *takes_nodes = palloc(sizeof(bool) * work->copy_count);
	uint64 current_count;
	pg_uuid_t *current_ids;
	int64 *current_indexes;

	if (count == 0 || !inventory_has_table("numa_node"))
		return;
	for (int c = 0; c < work->copy_count; c++)
		takes_nodes[c] = clone_takes_numa_nodes(plan, work->vm_static[c]);
	current_count = statement_run(&source_numa_nodes, &source_vm, NULL);
	current_ids = palloc(sizeof(pg_uuid_t) * Max(current_count, 1));
	current_indexes = palloc(sizeof(int64) * Max(current_count, 1));
	for (uint64 i = 0; i < current_count; i++)
	{
		current_ids[i] = field_uuid(i, NUMA_NODE_ID);
		current_indexes[i] =
			field_is_null(i, NUMA_NODE_INDEX) ? -1 : field_int64(i, NUMA_NODE_INDEX);
	}

	rows = row_copy_begin(&numa_node, NULL);
	if (inventory_has_table("numa_node_cpu_map"))
		cpus = row_copy_begin(&cpu_map, NULL);
	/* hosts of another cluster have other nodes */
	if (work->same_cluster && inventory_has_table("vm_vds_numa_node_map"))
		hosts = row_copy_begin(&host_map, NULL);
	for (int i = 0; i < count; i++)
	{
		int64 index = json_get_int64(nodes[i], "numa_node_index", i);
		const pg_uuid_t *key = NULL;
		const Jsonb *own;
		int source;

		for (uint64 j = 0; j < current_count; j++)
		{
			if (current_indexes[j] == index)
				key = &current_ids[j];
		}
		own = json_from_text(
			psprintf("{\"numa_node_index\": " INT64_FORMAT ", \"vds_id\": null}", index));
		source = row_copy_source(rows, key, (const Jsonb *const[]){nodes[i], own}, 2);
		for (int c = 0; c < work->copy_count; c++)
		{
			const void *values[ROW_COPY_MAX_COLUMNS] = {&node_ids[c], &work->copies[c].vm_id};

			if (!takes_nodes[c])
				continue;
			node_ids[c] = uuid_new();
			row_copy_row(rows, source, values);
			clone_note_row(work, c, &node_ids[c]);
		}
		add_numbers(work, takes_nodes, cpus, "cpu_core_id", node_ids,
					json_get(nodes[i], "cpu_ids"));
		add_numbers(work, takes_nodes, hosts, "vds_numa_node_index", node_ids,
					json_get(nodes[i], "host_numa_nodes"));
	}
	(void) row_copy_run(rows);
	if (cpus)
		(void) row_copy_run(cpus);
	if (hosts)
		(void) row_copy_run(hosts);
}
