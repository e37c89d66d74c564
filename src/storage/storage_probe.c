/*
 * storage_probe.c
 *		What doctor() asks of vmclone-copy: whether it is there and can work, and what works in a storage domain.
 *
 * Both answer with what the program said, "ok": false included; an error is raised where it said nothing.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/extension.h"
#include "base/frame.h"
#include "base/settings.h"
#include "base/uuid.h"
#include "contract/copier_protocol.h"
#include "storage/storage_answer.h"
#include "storage/storage_place.h"

VMCLONE_FUNCTION_INFO(vmclone_probe_copier);
VMCLONE_FUNCTION_INFO(vmclone_probe_storage_domain);

/* probe_copier(path text) → jsonb; path NULL: of the program alone */
Datum
vmclone_probe_copier(PG_FUNCTION_ARGS)
{
	const StorageHost local = {LOCAL_HOST, NULL};
	List *arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_SELF);

	if (!PG_ARGISNULL(0))
		arguments = lappend(lappend(arguments, "--" COPIER_OPTION_PATH),
							text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_JSONB_P(storage_answer(&local, arguments).object);
}

/* probe_storage_domain(storage_domain_id uuid, host text) → jsonb; NULL: not attached there */
Datum
vmclone_probe_storage_domain(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id = PG_GETARG_UUID_P(0);
	char *host = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MemoryContext caller_context = CurrentMemoryContext;
	StoragePlace place;
	List *arguments;
	bool attached;
	Frame frame;

	SPI_connect();
	frame_enter_own(&frame);
	attached = storage_place_find(domain_id, host, false, &place);
	if (attached)
	{
		MemoryContext own_context = MemoryContextSwitchTo(caller_context);

		place = storage_place_copy(&place);
		MemoryContextSwitchTo(own_context);
	}
	frame_leave(&frame);
	SPI_finish();
	if (!attached)
		PG_RETURN_NULL();
	arguments = storage_check_arguments(&place, uuid_text(domain_id));
	if (!place.is_block)
	{
		arguments = lappend(arguments, "--" COPIER_OPTION_PROBE);
		if (vmclone_domain_owner != NULL && vmclone_domain_owner[0] != '\0')
			arguments = lappend(lappend(arguments, "--" COPIER_OPTION_OWNER), vmclone_domain_owner);
	}
	PG_RETURN_JSONB_P(storage_answer(&place.host, arguments).object);
}
