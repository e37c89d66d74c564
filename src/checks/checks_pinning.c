/*
 * checks_pinning.c
 *		V37: manual CPU pinning, "vCPU#CPUs_vCPU#CPUs": CPUs are numbers, ranges and exclusions,
 *		"0#1_1#2-4,^3".
 *
 * Whether a host has those CPUs, the engine knows.
 */
#include "postgres.h"

#include "ovirt/ovirt_codes.h"
#include "checks/check_table.h"

#define MAX_PROCESSOR 8191 /* the most that Linux has */

/* One rule: virtual CPU, and whether any CPU of the host is left for it. */
typedef struct PinningRule
{
	int processor;
	bool pinned;
} PinningRule;

static bool
read_number(const char **text, int *number)
{
	int value = 0;

	if (!isdigit((unsigned char) **text))
		return false;
	for (; isdigit((unsigned char) **text); (*text)++)
	{
		value = value * 10 + (**text - '0');
		if (value > MAX_PROCESSOR)
			return false;
	}
	*number = value;
	return true;
}

/* CPUs of one rule; false: that is no list. */
static bool
read_cpus(const char **text, bool *pinned)
{
	bool *included = palloc0(sizeof(bool) * (MAX_PROCESSOR + 1));
	bool *excluded = palloc0(sizeof(bool) * (MAX_PROCESSOR + 1));

	for (;;)
	{
		bool exclude = **text == '^';
		int first;
		int last;

		if (exclude)
			(*text)++;
		if (!read_number(text, &first))
			return false;
		last = first;
		if (!exclude && **text == '-')
		{
			(*text)++;
			if (!read_number(text, &last))
				return false;
		}
		for (int i = first; i <= last; i++)
			(exclude ? excluded : included)[i] = true;
		if (**text != ',')
			break;
		(*text)++;
	}
	*pinned = false;
	for (int i = 0; i <= MAX_PROCESSOR; i++)
		*pinned = *pinned || (included[i] && !excluded[i]);
	pfree(included);
	pfree(excluded);
	return true;
}

/* Rules (PinningRule *) of the clone's cpu_pinning; false: it has no right form. */
static bool
read_pinning(const CheckRun *run, List **rules)
{
	const char *text = planned_text(run, "cpu_pinning");

	*rules = NIL;
	if (text == NULL || text[0] == '\0')
		return true;
	for (;;)
	{
		PinningRule *rule = palloc0(sizeof(PinningRule));

		if (!read_number(&text, &rule->processor) || *text++ != '#' ||
			!read_cpus(&text, &rule->pinned))
			return false;
		*rules = lappend(*rules, rule);
		if (*text == '\0')
			return true;
		if (*text++ != '_')
			return false;
	}
}

static char *
pinning_detail(const CheckRun *run)
{
	return psprintf("cpu_pinning is \"%s\".", planned_text(run, "cpu_pinning"));
}

void
check_pinning_policy(CheckRun *run)
{
	char *pinning = planned_text(run, "cpu_pinning");

	if (pinning && pinning[0] &&
		planned_integer(run, "cpu_pinning_policy", 0) != PINNING_POLICY_MANUAL)
		refuse(run,
			   psprintf("%s cpu_pinning_policy is " INT64_FORMAT ", manual is %d.",
						pinning_detail(run), planned_integer(run, "cpu_pinning_policy", 0),
						PINNING_POLICY_MANUAL),
			   "CPU pinning is given without the manual pinning policy");
}

void
check_pinning_format(CheckRun *run)
{
	List *rules;

	if (!read_pinning(run, &rules))
		refuse(run, pinning_detail(run), "the CPU pinning does not have the right form");
}

void
check_pinning_processors(CheckRun *run)
{
	int64 processors = virtual_processors(run);
	List *rules;
	ListCell *cell;

	if (!read_pinning(run, &rules))
		return;
	foreach (cell, rules)
	{
		const PinningRule *rule = lfirst(cell);

		if (rule->processor < processors)
			continue;
		refuse(run,
			   psprintf("%s  The clone has processors 0 to " INT64_FORMAT ".", pinning_detail(run),
						processors - 1),
			   "processor %d is pinned, which the clone does not have", rule->processor);
		return;
	}
}

void
check_pinning_duplicates(CheckRun *run)
{
	List *rules;
	bool *seen;
	ListCell *cell;

	if (!read_pinning(run, &rules) || rules == NIL)
		return;
	seen = palloc0(sizeof(bool) * (MAX_PROCESSOR + 1));
	foreach (cell, rules)
	{
		const PinningRule *rule = lfirst(cell);

		if (seen[rule->processor])
		{
			refuse(run, pinning_detail(run), "processor %d is pinned twice", rule->processor);
			return;
		}
		seen[rule->processor] = true;
	}
}

void
check_pinning_targets(CheckRun *run)
{
	List *rules;
	ListCell *cell;

	if (!read_pinning(run, &rules))
		return;
	foreach (cell, rules)
	{
		const PinningRule *rule = lfirst(cell);

		if (rule->pinned)
			continue;
		refuse(run, pinning_detail(run), "processor %d is pinned to no CPU of the host",
			   rule->processor);
		return;
	}
}
