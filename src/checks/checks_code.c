/*
 * checks_code.c
 *		Codes and words that a caller gives for columns of vm_static: those that an engine has.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/json.h"
#include "checks/check_table.h"

/* A column and all that an engine reads there, between commas. */
typedef struct CodedColumn
{
	const char *name;
	const char *codes;
} CodedColumn;

/* The enums of org.ovirt.engine.core.common.businessentities, engine 4.5. */
static const CodedColumn coded_columns[] = {
	{"bios_type", ",0,1,2,3,4,"},
	{"console_disconnect_action", ",NONE,LOCK_SCREEN,LOGOUT,SHUTDOWN,REBOOT,"},
	{"cpu_pinning_policy", ",0,1,2,3,4,"},
	{"default_boot_sequence", ",0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,"},
	{"default_display_type", ",0,1,2,3,4,"},
	{"migration_support", ",0,1,2,"},
	{"origin", ",0,1,2,3,4,5,6,7,8,9,10,"},
	{"resume_behavior", ",AUTO_RESUME,LEAVE_PAUSED,KILL,"},
	{"serial_number_policy", ",0,1,2,"},
	{"sso_method", ",none,guest_agent,"},
	/* 0: of engines before 4.1, read as 1 */
	{"usb_policy", ",0,1,2,"},
	{"vm_type", ",0,1,2,"},
};

static bool
is_among(const char *codes, const char *value)
{
	return strchr(value, ',') == NULL && strstr(codes, psprintf(",%s,", value)) != NULL;
}

/* ",0,1,2," for people */
static char *
list(const char *codes)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = codes + 1; c[1] != '\0'; c++)
	{
		appendStringInfoChar(&text, *c);
		if (*c == ',')
			appendStringInfoChar(&text, ' ');
	}
	return text.data;
}

/* What the snapshot's own VM has is the engine's: a newer one's may know more codes. */
static bool
is_as_in_snapshot(const CheckRun *run, const char *column, const char *value)
{
	char *own = json_get_text(json_get(run->plan->configuration, "vm_static"), column);

	return own && strcmp(own, value) == 0;
}

void
check_codes(CheckRun *run)
{
	for (int i = 0; i < lengthof(coded_columns); i++)
	{
		const CodedColumn *column = &coded_columns[i];
		char *value = planned_text(run, column->name);

		if (value && !is_as_in_snapshot(run, column->name, value) &&
			!is_among(column->codes, value))
			refuse(run,
				   psprintf("It is \"%s\"; there are: %s.", message_excerpt(value),
							list(column->codes)),
				   "no engine knows the value of column \"%s\"", column->name);
	}
}
