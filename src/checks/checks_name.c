/*
 * checks_name.c
 *		V27, V35 and V36: names of the new virtual machines, unique in their data center.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/errors.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/statement.h"
#include "checks/check_table.h"

#define MAX_VERSION_NAME_LENGTH 40

static Statement used_names = {
	.sql =
		/* OFFSET 0: by the index on names, not through all VMs of the clusters */
	"SELECT v.vm_name::text, v.vm_guid FROM unnest($1::varchar[]) AS n(name)"
	" CROSS JOIN LATERAL (SELECT w.vm_guid, w.vm_name, w.cluster_id FROM vm_static w WHERE w.vm_name = n.name"
	"  AND w.entity_type = $2 OFFSET 0) v"
	" JOIN cluster c ON c.cluster_id = v.cluster_id WHERE c.storage_pool_id = $3"
	" ORDER BY 1, 2",
	.argument_count = 3,
	.argument_types = {TEXTARRAYOID, TEXTOID, UUIDOID},
};

/* Columns of used_names. */
enum UsedNameColumn
{
	USED_NAME = 1,
	USED_ID,
};

/* Names of clones that are under way, or being cleaned up. */
static Statement reserved_names = {
	.sql = "SELECT n.vm_name, n.vm_id FROM vmclone.vm_names n"
		   " WHERE n.storage_pool_id = $2 AND n.vm_name = ANY ($1) ORDER BY 1",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDOID},
};

/* Columns of reserved_names. */
enum ReservedNameColumn
{
	RESERVED_NAME = 1,
	RESERVED_VM_ID,
};

static void
append_owner(StringInfo detail, StringInfo names, const char *name, const char *owner)
{
	append_item(names, name);
	appendStringInfo(detail, "%s\"%s\" is %s.", detail->len ? "  " : "", name, owner);
}

static bool
is_listed(const List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Nearly always: then no statement is needed to say whose they are. */
static bool
none_is_reserved(const ClonePlan *plan, char *const *names, int count)
{
	static const char *const key[] = {"storage_pool_id", "vm_name"};
	Datum *keys = palloc(sizeof(Datum) * (2 * count + 1));
	const KeyedRows *rows;

	for (int i = 0; i < count; i++)
	{
		keys[2 * i] = UUIDPGetDatum(&plan->pool_id);
		keys[2 * i + 1] = CStringGetTextDatum(names[i]);
	}
	rows = keyed_rows_by_pairs("vmclone.vm_names", key, keys, count, KEYED_NOW);
	return rows->is_indexed && rows->count == 0;
}

static void
append_reserved_names(const ClonePlan *plan, char *const *names_wanted, int count,
					  StringInfo detail, StringInfo names, List *listed)
{
	Datum values[2] = {array_of_texts((const char *const *) names_wanted, count),
					   UUIDPGetDatum(&plan->pool_id)};
	uint64 rows = 0;
	Frame frame;

	frame_enter_own(&frame);
	if (!none_is_reserved(plan, names_wanted, count))
		rows = statement_run(&reserved_names, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		char *name = field_text(row, RESERVED_NAME);

		if (!is_listed(listed, name))
			append_owner(detail, names, name,
						 psprintf("taken by a clone under way, virtual machine %s",
								  field_text(row, RESERVED_VM_ID)));
	}
	frame_leave(&frame);
}

/* Notes who has the call's names: under the locks with all else that is read again, before them by a statement of its own. */
static void
look_up_used_names(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	const KeyedRows *found;
	Datum values[3];
	uint64 rows;

	if (!(run->phases & CHECK_ALWAYS))
	{
		look_up_used_names_again(run);
		return;
	}
	found = rows_with_planned_names(plan, KEYED_NOW);
	if (found->is_indexed && found->count == 0)
		return;
	values[0] = planned_names(plan);
	values[1] = CStringGetTextDatum(planned_entity_type(plan));
	values[2] = UUIDPGetDatum(&plan->pool_id);
	rows = statement_run(&used_names, values, NULL);
	for (uint64 row = 0; row < rows; row++)
		note_used_name(run, field_text(row, USED_NAME), field_text(row, USED_ID));
}

static int
compare_used_names(const ListCell *a, const ListCell *b)
{
	const UsedName *left = lfirst(a);
	const UsedName *right = lfirst(b);
	int result = strcmp(left->name, right->name);

	return result ? result : strcmp(left->id, right->id);
}

void
check_name_not_used(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	int copies = plan->request->copies;
	bool template = plan->request->target == CLONE_TARGET_TEMPLATE;
	char **sorted = palloc(sizeof(char *) * copies);
	List *listed = NIL;
	StringInfoData names;
	StringInfoData detail;
	ListCell *cell;

	initStringInfo(&names);
	initStringInfo(&detail);
	memcpy(sorted, plan->vm_names, sizeof(char *) * copies);
	qsort(sorted, copies, sizeof(char *), compare_names);
	for (int i = 1; i < copies; i++)
	{
		if (strcmp(sorted[i], sorted[i - 1]) != 0 || is_listed(listed, sorted[i]))
			continue;
		append_owner(&detail, &names, sorted[i], "the name of several copies");
		listed = lappend(listed, sorted[i]);
	}
	look_up_used_names(run);
	list_sort(run->used_names, compare_used_names);
	foreach (cell, run->used_names)
	{
		const UsedName *used = lfirst(cell);

		if (is_listed(listed, used->name))
			continue;
		append_owner(&detail, &names, used->name,
					 psprintf("%s %s", template ? "template" : "virtual machine", used->id));
		listed = lappend(listed, used->name);
	}
	/* under the locks the names are reserved, which says the same */
	if (run->phases & CHECK_ALWAYS)
		append_reserved_names(plan, plan->vm_names, planned_name_count(plan), &detail, &names,
							  listed);
	else if (plan->taken_name && !plan->request->base_template_id.given &&
			 !is_listed(listed, plan->taken_name))
		append_owner(&detail, &names, plan->taken_name, "taken by a clone under way");
	if (names.len)
		refuse(run, detail.data, "name is already used: %s", names.data);
}

/* They have one name, and their numbers follow each other. */
void
check_no_version_under_way(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	StringInfoData names;
	StringInfoData detail;

	if (!plan->request->base_template_id.given || plan->template_name == NULL || !plan->pool_exists)
		return;
	initStringInfo(&names);
	initStringInfo(&detail);
	/* under the locks the names are reserved, which says the same */
	if (run->phases & CHECK_ALWAYS)
		append_reserved_names(plan, &plan->template_name, 1, &detail, &names, NIL);
	else if (plan->taken_name)
		append_owner(&detail, &names, plan->taken_name, "taken by a clone under way");
	if (names.len)
		refuse(run, detail.data, "another version of template \"%s\" is being made",
			   plan->template_name);
}

void
check_name_given(CheckRun *run)
{
	/* without a source there is no name to suggest */
	if (!run->plan->snapshot_exists && run->plan->request->vm_name == NULL)
		return;
	for (int i = 0; i < run->plan->request->copies; i++)
	{
		if (run->plan->vm_names[i][0] != '\0')
			continue;
		refuse(run, NULL, "the name of the new virtual machine is empty");
		return;
	}
}

void
check_name_length(CheckRun *run)
{
	int64 most = json_get_int64(run->plan->options, "MaxVmNameLength", 64);

	for (int i = 0; i < run->plan->request->copies; i++)
	{
		const char *name = run->plan->vm_names[i];
		int length = pg_mbstrlen(name);

		if (length <= most)
			continue;
		refuse(run,
			   psprintf("\"%s\" has %d characters; " INT64_FORMAT " are allowed.",
						message_excerpt(name), length, most),
			   "the name of the new virtual machine is too long");
		return;
	}
}

void
check_template_version_name(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	const CloneRequest *request = plan->request;

	if (request->template_version_name && !request->base_template_id.given)
		refuse(run, NULL, "template_version_name is given without base_template_id");
	else if (request->template_version_name &&
			 pg_mbstrlen(request->template_version_name) > MAX_VERSION_NAME_LENGTH)
		refuse(run, NULL, "the name of the template version is longer than %d characters",
			   MAX_VERSION_NAME_LENGTH);
	if (!request->base_template_id.given || !plan->template_exists)
		return;
	for (int i = 0; i < request->copies; i++)
		if (strcmp(plan->vm_names[i], plan->template_name) != 0)
		{
			refuse(run, NULL, "a version of template \"%s\" cannot have the name \"%s\"",
				   plan->template_name, plan->vm_names[i]);
			return;
		}
}
