/*
 * checks_run.c
 *		Runs the table of checks, and what its functions refuse with.
 */
#include "postgres.h"

#include "checks/check_table.h"
#include "base/json.h"
#include "plan/plan_parts.h"

void
refuse(CheckRun *run, char *detail, const char *message, ...)
{
	Refusal *refusal = palloc0(sizeof(Refusal));
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list arguments;
		int needed;

		va_start(arguments, message);
		needed = appendStringInfoVA(&text, message, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	refusal->step = run->check->step;
	refusal->key = run->check->key;
	refusal->sqlstate = run->check->sqlstate;
	refusal->severity = run->check->severity;
	refusal->message = text.data;
	refusal->detail = detail;
	refusal->hint = run->check->hint ? pstrdup(run->check->hint) : NULL;
	run->refusals = lappend(run->refusals, refusal);
}

void
append_item(StringInfo list, const char *item)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", item);
}

const char *
disk_label(const PlannedDisk *disk)
{
	if (disk->source_alias && disk->source_alias[0])
		return disk->source_alias;
	return uuid_text(&disk->disk_id);
}

int64
planned_integer(const CheckRun *run, const char *column, int64 absent)
{
	return json_get_int64(run->vm_static, column, absent);
}

char *
planned_text(const CheckRun *run, const char *column)
{
	return json_get_text(run->vm_static, column);
}

Jsonb **
configuration_objects(const ClonePlan *plan, const char *key, int *count)
{
	return plan_objects(plan->configuration, key, count);
}

bool
has_device(const ClonePlan *plan, const char *type, const char *device)
{
	int count;
	Jsonb **objects = configuration_objects(plan, "devices", &count);

	for (int i = 0; i < count; i++)
	{
		char *its_type = json_get_text(objects[i], "type");
		char *its_device = json_get_text(objects[i], "device");

		if (its_type && strcmp(its_type, type) == 0 &&
			(device == NULL || (its_device && strcmp(its_device, device) == 0)))
			return true;
	}
	return false;
}

/* A copy's refusal in the words of an earlier one's says nothing new. */
static bool
already_said(List *said, const Refusal *refusal)
{
	ListCell *cell;

	foreach (cell, said)
	{
		const Refusal *earlier = lfirst(cell);

		if (strcmp(earlier->message, refusal->message) == 0 &&
			strcmp(earlier->detail ? earlier->detail : "",
				   refusal->detail ? refusal->detail : "") == 0)
			return true;
	}
	return false;
}

/* What the check says of run->vm_static, less what it has said of other copies. */
static void
run_for_copy(CheckRun *run, int copy, List **said)
{
	int before = list_length(run->refusals);
	List *refusals;
	ListCell *cell;

	run->check->function(run);
	refusals = list_copy_tail(run->refusals, before);
	run->refusals = list_truncate(run->refusals, before);
	foreach (cell, refusals)
	{
		Refusal *refusal = lfirst(cell);
		Refusal *raw;

		if (already_said(*said, refusal))
			continue;
		raw = palloc(sizeof(Refusal));
		*raw = *refusal;
		*said = lappend(*said, raw);
		if (copy > 0)
			refusal->detail =
				psprintf("%s%sCopy %d, \"%s\".", refusal->detail ? refusal->detail : "",
						 refusal->detail ? "  " : "", copy, run->plan->vm_names[copy - 1]);
		run->refusals = lappend(run->refusals, refusal);
	}
}

/* The vm_static of each copy that has values of its own; NULL for the others. */
static Jsonb **
vm_static_of_copies(const ClonePlan *plan)
{
	Jsonb **result = palloc(sizeof(Jsonb *) * plan->request->copies);

	for (int i = 0; i < plan->request->copies; i++)
	{
		Jsonb *own = json_get(plan_overrides_of_copy(plan->request, i), "vm_static");

		result[i] = own ? plan_concatenate(plan->vm_static, own) : NULL;
	}
	return result;
}

/* Copies with values of their own are looked at one by one, the others once. */
static void
run_for_copies(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool others_done = false;
	List *said = NIL;

	for (int i = 0; i < plan->request->copies; i++)
	{
		Jsonb *own = run->copy_vm_static[i];

		if (own == NULL && others_done)
			continue;
		others_done = others_done || own == NULL;
		run->vm_static = own ? own : plan->vm_static;
		run_for_copy(run, own ? i + 1 : 0, &said);
	}
	run->vm_static = plan->vm_static;
}

static List *
run_phases(const ClonePlan *plan, int phases, bool complete, bool *refused)
{
	CheckRun run = {
		.plan = plan, .phases = phases, .complete = complete, .vm_static = plan->vm_static};
	ListCell *cell;

	if (plan->request->copy_overrides)
		run.copy_vm_static = vm_static_of_copies(plan);

	for (int i = 0; i < checks_count(); i++)
	{
		const Check *check = checks_get(i);

		if (!(check->phases & phases) || (check->phases == CHECK_USER && !plan->has_user))
			continue;
		run.check = check;
		if (check->of_values && run.copy_vm_static)
			run_for_copies(&run);
		else
			check->function(&run);
	}
	*refused = false;
	foreach (cell, run.refusals)
		if (((Refusal *) lfirst(cell))->severity == SEVERITY_ERROR)
			*refused = true;
	return run.refusals;
}

List *
checks_run(const ClonePlan *plan, int phases)
{
	bool refused;
	List *refusals = run_phases(plan, phases, false, &refused);

	/* not all after the locks: what this call has LOCKED itself would look like an obstacle */
	if (refused)
		refusals = run_phases(plan, (phases & CHECK_ALWAYS) ? CHECK_ALL : phases, true, &refused);
	return refusals;
}
