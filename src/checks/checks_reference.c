/*
 * checks_reference.c
 *		V37 and V40: rows that the new vm_static refers to (icons, instance and image type, the
 *		lease's storage domain), and what its table's constraints say of values that the caller gave.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/arrays.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "clone/clone.h"
#include "inventory/row_constraints.h"
#include "inventory/row_copy.h"
#include "plan/plan_parts.h"

typedef enum ReferenceKind
{
	REFERENCE_ICON,
	REFERENCE_INSTANCE_TYPE,
	REFERENCE_IMAGE_TYPE,
} ReferenceKind;

/* A row that is named and doesn't exist. */
typedef struct LostReference
{
	ReferenceKind kind;
	pg_uuid_t id;
} LostReference;

static const struct
{
	const char *column;
	ReferenceKind kind;
} references[] = {
	{"small_icon_id", REFERENCE_ICON},
	{"large_icon_id", REFERENCE_ICON},
	{"instance_type_id", REFERENCE_INSTANCE_TYPE},
	{"image_type_id", REFERENCE_IMAGE_TYPE},
};

/* $1, $2, $3: ids of icons, instance types and image types */
static Statement lost_references = {
	.sql = "SELECT 0, r.id FROM unnest($1) AS r (id)"
		   " WHERE NOT EXISTS (SELECT FROM vm_icons i WHERE i.id = r.id)"
		   " UNION ALL SELECT 1, r.id FROM unnest($2) AS r (id)"
		   " WHERE NOT EXISTS (SELECT FROM vm_static v WHERE v.vm_guid = r.id"
		   "  AND v.entity_type = 'INSTANCE_TYPE')"
		   " UNION ALL SELECT 2, r.id FROM unnest($3) AS r (id)"
		   " WHERE NOT EXISTS (SELECT FROM vm_static v WHERE v.vm_guid = r.id"
		   "  AND v.entity_type = 'IMAGE_TYPE')",
	.argument_count = 3,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID, UUIDARRAYOID},
};

/* Columns of lost_references. */
enum LostReferenceColumn
{
	LOST_KIND = 1,
	LOST_ID,
};

/* What callers gave: the parameter's vm_static, and those of the copies. */
static List *
given_objects(const ClonePlan *plan)
{
	List *objects = NIL;

	if (plan->request->vm_static && JB_ROOT_COUNT(plan->request->vm_static) > 0)
		objects = lappend(objects, plan->request->vm_static);
	for (int i = 0; plan->request->copy_overrides && i < plan->request->copies; i++)
	{
		Jsonb *own = json_get(plan_overrides_of_copy(plan->request, i), "vm_static");

		if (own && JB_ROOT_COUNT(own) > 0)
			objects = lappend(objects, own);
	}
	return objects;
}

/* Looks up what callers name, once a run; what comes from the source is there, or was repaired. */
static void
load_references(CheckRun *run)
{
	List *objects;
	pg_uuid_t *ids[3];
	int counts[3] = {0};
	Datum values[3];
	uint64 rows;
	ListCell *cell;

	if (run->references_loaded)
		return;
	run->references_loaded = true;
	objects = given_objects(run->plan);
	for (int i = 0; i < lengthof(ids); i++)
		ids[i] = palloc(sizeof(pg_uuid_t) * (list_length(objects) * 2 + 1));
	foreach (cell, objects)
		for (int i = 0; i < lengthof(references); i++)
		{
			ReferenceKind kind = references[i].kind;

			/* a table that the engine may lack */
			if (kind == REFERENCE_ICON && !inventory_has_table("vm_icons"))
				continue;
			if (json_get_uuid(lfirst(cell), references[i].column, &ids[kind][counts[kind]]))
				counts[kind]++;
		}
	if (counts[0] + counts[1] + counts[2] == 0)
		return;
	for (int i = 0; i < lengthof(ids); i++)
		values[i] = array_of_uuids(ids[i], counts[i]);
	rows = statement_run(&lost_references, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		LostReference *lost = palloc(sizeof(LostReference));

		lost->kind = (ReferenceKind) field_int64(row, LOST_KIND);
		lost->id = field_uuid(row, LOST_ID);
		run->references = lappend(run->references, lost);
	}
}

static void
refuse_lost(CheckRun *run, ReferenceKind kind, const char *message)
{
	load_references(run);
	for (int i = 0; i < lengthof(references); i++)
	{
		pg_uuid_t id;
		ListCell *cell;

		if (references[i].kind != kind || !json_get_uuid(run->vm_static, references[i].column, &id))
			continue;
		foreach (cell, run->references)
		{
			const LostReference *lost = lfirst(cell);

			if (lost->kind != kind || !uuid_same(&lost->id, &id))
				continue;
			refuse(run, psprintf("%s is %s.", references[i].column, uuid_text(&id)), "%s", message);
			break;
		}
	}
}

void
check_icons_exist(CheckRun *run)
{
	refuse_lost(run, REFERENCE_ICON, "the icon does not exist");
}

void
check_instance_type_exists(CheckRun *run)
{
	refuse_lost(run, REFERENCE_INSTANCE_TYPE, "the instance type does not exist");
}

void
check_image_type_exists(CheckRun *run)
{
	refuse_lost(run, REFERENCE_IMAGE_TYPE, "the image type does not exist");
}

/* The storage domain of the clone's lease; NULL: it has none, or there is no data center. */
static const DomainFacts *
lease_domain(const CheckRun *run)
{
	pg_uuid_t id;

	if (!run->plan->pool_exists || !json_get_uuid(run->vm_static, "lease_sd_id", &id))
		return NULL;
	return plan_domain(run->plan, &id);
}

void
check_lease_high_availability(CheckRun *run)
{
	pg_uuid_t id;

	if (json_get_uuid(run->vm_static, "lease_sd_id", &id) &&
		!json_get_bool(run->vm_static, "auto_startup", false))
		refuse(run, psprintf("lease_sd_id is %s, auto_startup is not true.", uuid_text(&id)),
			   "only a highly available virtual machine can have a lease");
}

void
check_lease_domain_exists(CheckRun *run)
{
	const DomainFacts *domain = lease_domain(run);

	if (domain && !domain->exists)
		refuse(run,
			   psprintf("Storage domain %s is not in data center \"%s\".", uuid_text(&domain->id),
						run->plan->pool_name),
			   "the storage domain of the lease does not exist");
}

void
check_lease_domain_active(CheckRun *run)
{
	const DomainFacts *domain = lease_domain(run);

	if (domain && domain->exists && domain->status != STORAGE_DOMAIN_STATUS_ACTIVE)
		refuse(run,
			   psprintf("Storage domain %s has status %s.", uuid_text(&domain->id),
						storage_domain_status_name(domain->status)),
			   "the storage domain of the lease is not active: %s", domain->name);
}

void
check_lease_domain_type(CheckRun *run)
{
	const DomainFacts *domain = lease_domain(run);

	/* master and data */
	if (domain && domain->exists && !holds_disks(domain))
		refuse(run, psprintf("Storage domain %s.", uuid_text(&domain->id)),
			   "the storage domain of the lease is no data domain: %s", domain->name);
}

/* Columns that clone_write sets itself, or whose references have checks of their own. */
static const char *const settled[] = {
	"vm_guid",          "vmt_guid",      "cluster_id",         "cpu_profile_id",
	"quota_id",         "small_icon_id", "large_icon_id",      "lease_sd_id",
	"instance_type_id", "image_type_id", "created_by_user_id", NULL,
};

static List *
given_columns(List *objects)
{
	List *columns = NIL;
	ListCell *cell;

	foreach (cell, objects)
	{
		Jsonb *object = lfirst(cell);
		JsonbIterator *iterator = JsonbIteratorInit(&object->root);
		JsonbIteratorToken token;
		JsonbValue value;

		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
			if (token == WJB_KEY)
				columns = lappend(columns, pnstrdup(value.val.string.val, value.val.string.len));
	}
	return columns;
}

/* The row as clone_write would write it for the copy at index. */
static Jsonb *
expected_row(const ClonePlan *plan, const Jsonb *vm_static, const Jsonb *fixed, int index)
{
	pg_uuid_t vm_id = uuid_new();
	StringInfoData keys;

	initStringInfo(&keys);
	appendStringInfo(&keys,
					 "{\"vm_guid\": \"%s\", \"vmt_guid\": \"%s\", \"vm_name\": ", uuid_text(&vm_id),
					 uuid_text(&vm_id));
	json_append_string(&keys, plan->vm_names[index]);
	appendStringInfoChar(&keys, '}');
	return json_overlay(json_overlay((Jsonb *) vm_static, (Jsonb *) fixed),
						json_from_text(keys.data));
}

/* Refuses for all violations of a kind; looked up once a run. */
static void
refuse_violations(CheckRun *run, bool foreign_keys, const char *message)
{
	const ClonePlan *plan = run->plan;
	List *objects = given_objects(plan);
	StringInfoData names;
	StringInfoData detail;
	ListCell *cell;

	/* without cluster or source the row would have holes that other checks name */
	if (objects == NIL || !plan->cluster_exists || plan->vm_static == NULL ||
		(!plan->snapshot_exists && !plan->request->use_given_vm_static))
		return;
	if (!run->violations_loaded)
	{
		Jsonb **rows = palloc(sizeof(Jsonb *) * plan->request->copies);
		Jsonb *fixed = clone_expected_vm_static(plan);
		int count = 0;
		bool some_without = false;

		run->violations_loaded = true;
		for (int i = 0; i < plan->request->copies; i++)
		{
			Jsonb *own = run->copy_vm_static ? run->copy_vm_static[i] : NULL;

			if (own == NULL && some_without)
				continue;
			some_without = some_without || own == NULL;
			rows[count++] = expected_row(plan, own ? own : plan->vm_static, fixed, i);
		}
		run->violations =
			row_constraints_violated("vm_static", rows, count, given_columns(objects), settled);
		run->violating_rows = rows;
	}
	initStringInfo(&names);
	initStringInfo(&detail);
	foreach (cell, run->violations)
	{
		const RowViolation *violation = lfirst(cell);
		StringInfoData values;
		ListCell *column;
		char *sentence;

		if ((violation->kind == CONSTRAINT_KIND_FOREIGN_KEY) != foreign_keys)
			continue;
		initStringInfo(&values);
		foreach (column, violation->columns)
		{
			char *value = json_get_text(run->violating_rows[violation->row], lfirst(column));

			append_item(&values, psprintf("%s is %s", (char *) lfirst(column),
										  value ? psprintf("\"%s\"", value) : "null"));
		}
		if (violation->kind == CONSTRAINT_KIND_FOREIGN_KEY)
			sentence = psprintf("Constraint \"%s\": %s, which is not in table \"%s\".",
								violation->name, values.data, violation->what);
		else if (violation->kind == CONSTRAINT_KIND_CHECK)
			sentence = psprintf("Constraint \"%s\" wants %s; %s.", violation->name, violation->what,
								values.data);
		else
			sentence = psprintf("Column \"%s\" takes no null.", violation->name);
		/* several copies may have the same value */
		if (strstr(detail.data, sentence))
			continue;
		append_item(&names, violation->name);
		appendStringInfo(&detail, "%s%s", detail.len ? "  " : "", sentence);
	}
	if (names.len)
		refuse(run, detail.data, "%s: %s", message, names.data);
}

void
check_foreign_keys(CheckRun *run)
{
	refuse_violations(run, true, "values in vm_static name rows that do not exist");
}

void
check_constraints(CheckRun *run)
{
	refuse_violations(run, false, "values in vm_static violate constraints of the table");
}
