/*
 * plan_copies.c
 *		What each copy of a call has of its own: values that the caller gives it, name, ids,
 *		aliases.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/uuid.h"
#include "inventory/row_copy.h"
#include "plan/plan_parts.h"

/* More than any name or alias has. */
#define MAX_NAME_BYTES 4096

bool
disk_is_made(const PlannedDisk *disk)
{
	return disk->fate == DISK_COPY || disk->fate == DISK_BLANK;
}

Jsonb *
plan_overrides_of_copy(const CloneRequest *request, int index)
{
	if (request->copy_overrides == NULL || index >= JB_ROOT_COUNT(request->copy_overrides))
		return NULL;
	return JsonbValueToJsonb(getIthJsonbValueFromContainer(&request->copy_overrides->root, index));
}

void
plan_check_overrides(const CloneRequest *request)
{
	/* mostly {} */
	if (request->vm_static && JB_ROOT_COUNT(request->vm_static) > 0)
		row_overlay_check("vm_static", request->vm_static, "vm_static");
	for (int i = 0; i < request->copies; i++)
	{
		Jsonb *overrides = plan_overrides_of_copy(request, i);

		if (overrides == NULL)
			break;
		if (json_get(overrides, "vm_static"))
			row_overlay_check("vm_static", json_get(overrides, "vm_static"),
							  psprintf("vm_static of element %d of copy_overrides", i + 1));
	}
}

/*
 * Columns of vm_static that all copies of a call have in common: checks and locks are the call's.
 */
static const char *const shared_columns[] = {"cluster_id", "cpu_profile_id", "quota_id"};

void
plan_check_shared_columns(const ClonePlan *plan, const Jsonb *current)
{
	for (int i = 0; i < plan->request->copies; i++)
	{
		Jsonb *own = json_get(plan_overrides_of_copy(plan->request, i), "vm_static");

		for (int c = 0; c < lengthof(shared_columns); c++)
		{
			const char *column = shared_columns[c];
			pg_uuid_t wanted;
			pg_uuid_t id;

			if (!json_get_uuid(own, column, &wanted) ||
				(json_get_uuid(plan->vm_static, column, &id) && uuid_same(&id, &wanted)) ||
				(json_get_uuid(current, column, &id) && uuid_same(&id, &wanted)))
				continue;
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("element %d of parameter \"copy_overrides\" must not set \"%s\"", i + 1,
						column),
				 errdetail("All copies of a call have the same cluster, CPU profile and quota."),
				 errhint("Set it in parameter \"vm_static\" for all copies, or make this copy "
						 "by a call of its own.")));
		}
	}
}

/* The name in a vm_static; NULL where it is the snapshot's or the source's own, handed back. */
static char *
name_given_in(const ClonePlan *plan, const Jsonb *vm_static)
{
	char *name = json_get_text(vm_static, "vm_name");
	char *configured = json_get_text(json_get(plan->configuration, "vm_static"), "vm_name");

	if (name && ((configured && strcmp(configured, name) == 0) ||
				 (plan->source_vm_name && strcmp(plan->source_vm_name, name) == 0)))
		return NULL;
	return name;
}

static void
check_named_once(const char *vm_name, const char *in_vm_static, const char *where)
{
	if (vm_name && in_vm_static && strcmp(vm_name, in_vm_static) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("vm_name is \"%s\", but vm_static%s names the virtual machine \"%s\"",
						message_excerpt(vm_name), where, message_excerpt(in_vm_static)),
				 errhint("Give the name once.")));
}

/* The name as given, in vm_static, or suggested. */
static char *
choose_name(const ClonePlan *plan)
{
	const CloneRequest *request = plan->request;
	char *in_vm_static = request->vm_name || !request->use_given_vm_static
							 ? name_given_in(plan, request->vm_static)
							 : json_get_text(request->vm_static, "vm_name");
	char *suggested = json_get_text(plan->configuration, "suggested_vm_name");

	check_named_once(request->vm_name, in_vm_static, "");
	if (request->vm_name)
		return request->vm_name;
	if (in_vm_static)
		return in_vm_static;
	if (suggested)
		return suggested;
	return plan->source_vm_name ? psprintf("copy_of_%s", plan->source_vm_name) : pstrdup("");
}

/* What is longer than any name or alias is refused before copies and disks make more of it. */
static char *
bounded_name(char *name)
{
	if (strlen(name) > MAX_NAME_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name \"%s\" is too long", message_excerpt(name)),
						errdetail("It has %zu bytes; more than %d are not looked at.", strlen(name),
								  MAX_NAME_BYTES),
						errhint("Give a name that the data center allows.")));
	return name;
}

/* {n} replaced; without it, several copies get _1.._n.  A number is at most a character longer. */
static char *
name_of_copy(char *pattern, int number, int copies)
{
	char *mark = strstr(bounded_name(pattern), "{n}");
	StringInfoData name;

	if (mark == NULL)
		return copies > 1 ? psprintf("%s_%d", pattern, number) : pstrdup(pattern);
	initStringInfo(&name);
	while (mark)
	{
		appendBinaryStringInfo(&name, pattern, mark - pattern);
		appendStringInfo(&name, "%d", number);
		pattern = mark + 3;
		mark = strstr(pattern, "{n}");
	}
	appendStringInfoString(&name, pattern);
	return name.data;
}

void
plan_name_copies(ClonePlan *plan)
{
	const CloneRequest *request = plan->request;

	plan->vm_name = choose_name(plan);
	plan->vm_names = palloc(sizeof(char *) * request->copies);
	for (int i = 0; i < request->copies; i++)
	{
		Jsonb *overrides = plan_overrides_of_copy(request, i);
		char *own = json_get_text(overrides, "vm_name");
		char *in_vm_static = name_given_in(plan, json_get(overrides, "vm_static"));

		check_named_once(own, in_vm_static, psprintf(" of copy %d", i + 1));
		own = own ? own : in_vm_static;
		plan->vm_names[i] =
			own ? bounded_name(own) : name_of_copy(plan->vm_name, i + 1, request->copies);
	}
}

/* At most count characters, not bytes. */
static char *
first_characters(const char *text, int count)
{
	return pnstrdup(text, pg_mbcharcliplen(text, strlen(text), Max(count, 0)));
}

/*
 * ovirt-clone.md, "Disks", ImagesHandlerTest.  Where there is no room for all, the source's part is
 * cut: the VM's name tells clones apart.
 */
static char *
alias_of_copy(const PlannedDisk *disk, const char *vm_name, int number, int copies)
{
	const DiskChoice *choice = disk->choice;
	char *alias;

	if (choice && choice->disk_alias && choice->disk_alias[0] &&
		!(choice->handed_back && disk->source_alias &&
		  strcmp(choice->disk_alias, disk->source_alias) == 0))
		alias = strstr(choice->disk_alias, "{n}") ? name_of_copy(choice->disk_alias, number, copies)
												  : pstrdup(choice->disk_alias);
	else if (disk->source_alias && disk->source_alias[0])
		alias = psprintf(
			"%s_%s",
			first_characters(disk->source_alias, DISK_ALIAS_LENGTH - 1 - pg_mbstrlen(vm_name)),
			vm_name);
	else
		alias = psprintf("%s_Disk%d", vm_name, disk->number);
	return first_characters(alias, DISK_ALIAS_LENGTH);
}

CloneCopy *
plan_make_copies(const ClonePlan *plan)
{
	const CloneRequest *request = plan->request;
	CloneCopy *copies = palloc0(sizeof(CloneCopy) * request->copies);

	for (int i = 0; i < request->copies; i++)
	{
		CloneCopy *copy = &copies[i];

		copy->number = i + 1;
		copy->job_id = uuid_new();
		copy->vm_id = uuid_new();
		copy->vm_name = plan->vm_names[i];
		copy->active_snapshot_id = uuid_new();
		copy->new_disk_ids = palloc0(sizeof(pg_uuid_t) * (plan->disk_count + 1));
		copy->new_image_ids = palloc0(sizeof(pg_uuid_t) * (plan->disk_count + 1));
		copy->disk_aliases = palloc0(sizeof(char *) * (plan->disk_count + 1));
		copy->interfaces = plan->copy_interfaces[i];
		copy->overrides = plan_overrides_of_copy(request, i);
		for (int d = 0; d < plan->disk_count; d++)
		{
			if (!disk_is_made(&plan->disks[d]))
				continue;
			copy->new_disk_ids[d] = uuid_new();
			copy->new_image_ids[d] = uuid_new();
			copy->disk_aliases[d] =
				alias_of_copy(&plan->disks[d], copy->vm_name, i + 1, request->copies);
		}
	}
	return copies;
}
