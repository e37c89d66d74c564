/*
 * check_refusals.c
 *		How a check function refuses, and what they all read of the plan.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/json_objects.h"
#include "base/uuid.h"
#include "checks/check_table.h"

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
	return json_get_elements(plan->configuration, key, count);
}

bool
has_device(const ClonePlan *plan, const char *type, const char *device)
{
	for (int i = 0; i < plan->device_count; i++)
	{
		const char *its_type = plan->device_types[i];
		const char *its_device = plan->device_names[i];

		if (its_type && strcmp(its_type, type) == 0 &&
			(device == NULL || (its_device && strcmp(its_device, device) == 0)))
			return true;
	}
	return false;
}
