/*
 * frame.c
 *		As whom, and with which search_path, statements run.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/binding.h"
#include "base/deferred_constraints.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/settings.h"

static void
enter(Frame *frame, Oid user_id, bool is_inventory, const char *search_path)
{
	GetUserIdAndSecContext(&frame->user_id, &frame->security_context);
	frame->settings_level = NewGUCNestLevel();
	frame->checks_at_once = false;
	SetUserIdAndSecContext(user_id, frame->security_context | SECURITY_LOCAL_USERID_CHANGE |
										(is_inventory ? SECURITY_RESTRICTED_OPERATION : 0));
	(void) set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (vmclone_inventory_frame != is_inventory)
		(void) set_config_option("vmclone.inventory_frame", is_inventory ? "on" : "off",
								 PGC_INTERNAL, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
frame_enter_own(Frame *frame)
{
	enter(frame, extension_owner(), false, "pg_catalog, pg_temp");
}

void
frame_enter_inventory(Frame *frame)
{
	const Binding *binding = binding_look_up();

	enter(frame, binding->owner, true,
		  psprintf("pg_catalog, %s, vmclone_absent, pg_temp",
				   quote_identifier(NameStr(binding->schema))));
	/* a policy that is forced on the owner would hide rows that checks count: an error instead */
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

void
frame_enter_inventory_to_write(Frame *frame)
{
	const Binding *binding = binding_look_up();
	bool checks_at_once = false;

	if (!InSecurityRestrictedOperation())
		checks_at_once = deferred_constraints_enter(NameStr(binding->schema));
	frame_enter_inventory(frame);
	frame->checks_at_once = checks_at_once;
}

bool
frame_is_inventory(void)
{
	return vmclone_inventory_frame;
}

void
frame_leave(const Frame *frame)
{
	AtEOXact_GUC(false, frame->settings_level);
	SetUserIdAndSecContext(frame->user_id, frame->security_context);
	if (frame->checks_at_once)
		deferred_constraints_leave();
}
