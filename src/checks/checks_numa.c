/*
 * checks_numa.c
 *		V40: the virtual NUMA nodes of the snapshot against the clone's processors and memory.
 *
 * What hosts have, the engine knows: whether the nodes fit those of pinned hosts is left to it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/json.h"
#include "checks/check_table.h"
#include "clone/clone.h"

/* The nodes that the clone gets. */
static Jsonb **
numa_nodes(const CheckRun *run, int *count)
{
	Jsonb **nodes = configuration_objects(run->plan, "numa_nodes", count);

	if (*count == 0 || clone_takes_numa_nodes(run->plan, run->vm_static))
		return nodes;
	*count = 0;
	return NULL;
}

static int
compare_numbers(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* The numbers of an array, ascending. */
static int64 *
read_numbers(const Jsonb *array, int *count)
{
	int64 *numbers;

	*count = 0;
	if (array == NULL || !JB_ROOT_IS_ARRAY(array))
		return NULL;
	numbers = palloc(sizeof(int64) * (JB_ROOT_COUNT(array) + 1));
	for (uint32 i = 0; i < JB_ROOT_COUNT(array); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer((JsonbContainer *) &array->root, i);

		if (value->type == jbvNumeric)
			numbers[(*count)++] = DatumGetInt64(
				DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
	}
	qsort(numbers, *count, sizeof(int64), compare_numbers);
	return numbers;
}

/* Indexes of all nodes, ascending. */
static int64 *
node_indexes(const CheckRun *run, int *count)
{
	Jsonb **nodes = numa_nodes(run, count);
	int64 *indexes = palloc(sizeof(int64) * (*count + 1));

	for (int i = 0; i < *count; i++)
		indexes[i] = json_get_int64(nodes[i], "numa_node_index", i);
	qsort(indexes, *count, sizeof(int64), compare_numbers);
	return indexes;
}

/* Processors of all nodes, ascending. */
static int64 *
node_processors(const CheckRun *run, int *count)
{
	int node_count;
	Jsonb **nodes = numa_nodes(run, &node_count);
	int64 *processors = palloc(sizeof(int64));

	*count = 0;
	for (int i = 0; i < node_count; i++)
	{
		int more;
		int64 *numbers = read_numbers(json_get(nodes[i], "cpu_ids"), &more);

		if (more == 0)
			continue;
		processors = repalloc(processors, sizeof(int64) * (*count + more));
		memcpy(processors + *count, numbers, sizeof(int64) * more);
		*count += more;
	}
	qsort(processors, *count, sizeof(int64), compare_numbers);
	return processors;
}

/* "3, 5": numbers that come more than once in an ascending list; NULL: none. */
static char *
list_duplicates(const int64 *numbers, int count)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 1; i < count; i++)
		if (numbers[i] == numbers[i - 1] && (i == 1 || numbers[i] != numbers[i - 2]))
			append_item(&text, psprintf(INT64_FORMAT, numbers[i]));
	return text.len ? text.data : NULL;
}

void
check_numa_preferred(CheckRun *run)
{
	int count;
	Jsonb **nodes = numa_nodes(run, &count);

	for (int i = 0; i < count; i++)
	{
		char *mode = json_get_text(nodes[i], "numa_tune_mode");
		int hosts;

		if (mode == NULL || pg_strcasecmp(mode, "preferred") != 0)
			continue;
		(void) read_numbers(json_get(nodes[i], "host_numa_nodes"), &hosts);
		if (count == 1 && hosts == 1)
			continue;
		refuse(run,
			   psprintf("Node " INT64_FORMAT " of %d is pinned to %d nodes of a host.",
						json_get_int64(nodes[i], "numa_node_index", i), count, hosts),
			   "NUMA tune mode \"preferred\" needs one node, pinned to one node of a host");
		return;
	}
}

void
check_numa_count(CheckRun *run)
{
	int count;
	int64 processors = virtual_processors(run);

	(void) numa_nodes(run, &count);
	if (count > 0 && processors < count)
		refuse(run, psprintf("%d nodes, " INT64_FORMAT " processors.", count, processors),
			   "the clone has more NUMA nodes than processors");
}

void
check_numa_index_duplicates(CheckRun *run)
{
	int count;
	int64 *indexes = node_indexes(run, &count);
	char *duplicates = list_duplicates(indexes, count);

	if (duplicates)
		refuse(run, psprintf("Indexes: %s.", duplicates), "NUMA nodes have the same index");
}

void
check_numa_index_continuity(CheckRun *run)
{
	int count;
	int64 *indexes = node_indexes(run, &count);

	if (count > 0 && list_duplicates(indexes, count) == NULL &&
		(indexes[0] != 0 || indexes[count - 1] != count - 1))
		refuse(run,
			   psprintf("%d nodes, the first has index " INT64_FORMAT ", the last " INT64_FORMAT
						".",
						count, indexes[0], indexes[count - 1]),
			   "the indexes of the NUMA nodes are not 0 and on without gaps");
}

void
check_numa_processors(CheckRun *run)
{
	int count;
	int64 *numbers = node_processors(run, &count);
	int64 processors = virtual_processors(run);

	if (count > 0 && (numbers[0] < 0 || numbers[count - 1] >= processors))
		refuse(run,
			   psprintf("Processor " INT64_FORMAT "; the clone has 0 to " INT64_FORMAT ".",
						numbers[0] < 0 ? numbers[0] : numbers[count - 1], processors - 1),
			   "a NUMA node has a processor that the clone does not have");
}

void
check_numa_processor_duplicates(CheckRun *run)
{
	int count;
	int64 *numbers = node_processors(run, &count);
	char *duplicates = list_duplicates(numbers, count);

	if (duplicates)
		refuse(run, psprintf("Processors: %s.", duplicates),
			   "processors belong to more than one NUMA node");
}

void
check_numa_memory(CheckRun *run)
{
	int count;
	Jsonb **nodes = numa_nodes(run, &count);
	int64 memory = planned_integer(run, "mem_size_mb", 0);
	int64 total = 0;

	for (int i = 0; i < count; i++)
		total += json_get_int64(nodes[i], "mem_total", 0);
	if (total > memory)
		refuse(run,
			   psprintf("The nodes have " INT64_FORMAT " MiB, mem_size_mb is " INT64_FORMAT " MiB.",
						total, memory),
			   "the NUMA nodes have more memory than the clone");
}

void
check_numa_huge_pages(CheckRun *run)
{
	int count;
	Jsonb **nodes = numa_nodes(run, &count);
	char *value = custom_property(run, "hugepages");
	int64 kib;

	/* in KiB; what is no number, the engine ignores */
	if (value == NULL || sscanf(value, INT64_FORMAT, &kib) != 1 || kib <= 0)
		return;
	for (int i = 0; i < count; i++)
	{
		int64 memory = json_get_int64(nodes[i], "mem_total", 0);

		if ((memory * 1024) % kib == 0)
			continue;
		refuse(run,
			   psprintf("Node " INT64_FORMAT " has " INT64_FORMAT
						" MiB, custom property hugepages is " INT64_FORMAT " KiB.",
						json_get_int64(nodes[i], "numa_node_index", i), memory, kib),
			   "the memory of a NUMA node is no multiple of the huge page size");
		return;
	}
}
