/*
 * configuration_internal.h
 *		What the configuration_*.c files share.
 */
#ifndef VMCLONE_CONFIGURATION_INTERNAL_H
#define VMCLONE_CONFIGURATION_INTERNAL_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "ovf/ovf.h"

#define CONFIGURATION_KEY "ACTION_TYPE_FAILED_VM_SNAPSHOT_HAS_NO_CONFIGURATION"

#define SUGGESTED_NAME_MAX_LENGTH 64 /* characters; the engine's MaxVmNameLength */

/* What the OVF reader gives, palloc'd, still in UTF-8; NULL and a message when it is refused. */
extern OvfResult *configuration_read_ovf(const char *ovf, Size length, char **message);

/* The same for json_from_value, in the server's encoding; its texts may be the result's. */
extern void configuration_value(JsonbValue *target, const OvfValue *value);
extern char *configuration_text(const char *utf8, Size length);

pg_noreturn extern void configuration_refuse(const char *message);

/*
 * Names for a clone of vm_name that no job has reserved in the data center, best first: those
 * numbered first to first + count - 1, less the reserved ones; an array of text.  Leaves and
 * enters frames itself.  has_pool false: nothing is reserved.
 */
extern Datum suggested_names(const char *vm_name, bool has_pool, const pg_uuid_t *pool_id,
							 int first, int count);

#endif
