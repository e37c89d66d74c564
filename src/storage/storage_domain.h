/*
 * storage_domain.h
 *		What attaching, detaching and checking a storage domain have in common.
 */
#ifndef VMCLONE_STORAGE_DOMAIN_H
#define VMCLONE_STORAGE_DOMAIN_H

#include "postgres.h"

#include "fmgr.h"
#include "storage/storage_place.h"
#include "utils/uuid.h"

/* An administrator, on a server that writes, or an error.  The caller's role; what: "attach" and the like. */
extern char *storage_domain_begin(const char *what);

/* An error where vmclone.storage_roots names no directory. */
extern void storage_need_roots(void);

/* The name of a host that an SQL function got as its argument; NULL: none.  ERRCODE_VC_HOST for one that doesn't exist; in the own frame. */
extern char *storage_domain_host_argument(FunctionCallInfo fcinfo, int number);

/* An error while jobs use the domain, on the host where others have it, too (NULL: anywhere); nobody queues one until the end of the transaction.  In the own frame. */
extern void storage_domain_check_free(const pg_uuid_t *domain_id, const char *host,
									  const char *name, const char *what);

/* Takes our mark away, if it is ours now and no other host has the domain (NULL: whoever has it); a WARNING if it stays: a domain that is gone must still be possible to give up. */
extern void storage_domain_remove_identity(const pg_uuid_t *domain_id, const char *host,
										   const char *name, const StoragePlace *place);

/* An error for a block domain on this machine where vmclone.provision_command is empty. */
extern void storage_domain_need_program(const StoragePlace *place, const char *name);

#endif
