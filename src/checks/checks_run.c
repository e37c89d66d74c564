/*
 * checks_run.c
 *		Runs the table of checks, copy by copy where copies have values of their own.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/json_objects.h"
#include "checks/check_table.h"
#include "plan/plan_parts.h"

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

		result[i] = own ? json_overlay(plan->vm_static, own) : NULL;
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
