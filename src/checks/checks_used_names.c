/*
 * checks_used_names.c
 *		Names of a call that virtual machines, or templates, of its data center have already.
 */
#include "postgres.h"

#include "base/arrays.h"
#include "checks/check_table.h"

void
note_used_name(CheckRun *run, char *name, char *id)
{
	UsedName *used = palloc(sizeof(UsedName));

	used->name = name;
	used->id = id;
	run->used_names = lappend(run->used_names, used);
}

const char *
planned_entity_type(const ClonePlan *plan)
{
	return plan->request->target == CLONE_TARGET_TEMPLATE ? "TEMPLATE" : "VM";
}

/* The versions of a template share its name: none of them is looked up. */
int
planned_name_count(const ClonePlan *plan)
{
	return plan->pool_exists && !plan->request->base_template_id.given ? plan->request->copies : 0;
}

Datum
planned_names(const ClonePlan *plan)
{
	return array_of_texts((const char *const *) plan->vm_names, planned_name_count(plan));
}

const KeyedRows *
rows_with_planned_names(const ClonePlan *plan, KeyedSnapshot snapshot)
{
	return keyed_rows_by_texts("vm_static", "vm_name", plan->vm_names, planned_name_count(plan),
							   snapshot);
}
