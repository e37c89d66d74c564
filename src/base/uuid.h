/*
 * uuid.h
 *		uuids: compared, written, read, made.
 */
#ifndef VMCLONE_UUID_H
#define VMCLONE_UUID_H

#include "postgres.h"

#include "utils/uuid.h"

extern bool uuid_is_zero(const pg_uuid_t *uuid);
extern bool uuid_same(const pg_uuid_t *a, const pg_uuid_t *b);
extern char *uuid_text(const pg_uuid_t *uuid); /* 36 characters, palloc'd */
extern pg_uuid_t uuid_new(void);               /* version 7: the time, and random bits behind it */

/* 36 characters, letters of either case; false: it is none. */
extern bool uuid_parse_text(const char *text, pg_uuid_t *uuid);

#endif
