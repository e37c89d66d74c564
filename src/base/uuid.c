/*
 * uuid.c
 *		uuids: compared, written, read, made.
 */
#include "postgres.h"

/* libuuid's uuid_t and PostgreSQL's pg_uuid_t: both headers, libuuid's first */
#include <time.h>
#include <uuid.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/uuid.h"

bool
uuid_is_zero(const pg_uuid_t *uuid)
{
	static const pg_uuid_t zero = {{0}};

	return memcmp(uuid, &zero, sizeof(zero)) == 0;
}

bool
uuid_same(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

char *
uuid_text(const pg_uuid_t *uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(uuid)));
}

StaticAssertDecl(sizeof(uuid_t) == UUID_LEN, "libuuid's uuids have PostgreSQL's size");

/* Writes the time in front, which makes it one of version 7 (RFC 9562, 5.7). */
static void
put_time(pg_uuid_t *uuid)
{
	struct timespec now;
	uint64 milliseconds;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	milliseconds = (uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
	for (int i = 0; i < 6; i++)
		uuid->data[i] = (unsigned char) (milliseconds >> (40 - 8 * i));
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x70;
}

/*
 * A random uuid costs libuuid six system calls, and a call makes dozens.  So one random uuid is the
 * name space of this process, and the others are libuuid's hashes of a counter in it, with the time in
 * front: what is written together stands together in the indexes, however large these are.
 */
pg_uuid_t
uuid_new(void)
{
	static uuid_t name_space;
	static int name_space_of; /* process */
	static uint64 counter;
	pg_uuid_t result;
	uuid_t generated;

	if (name_space_of != MyProcPid)
	{
		uuid_generate_random(name_space);
		name_space_of = MyProcPid;
	}
	counter++;
	/* its variant bits are the same in version 7 */
	uuid_generate_sha1(generated, name_space, (const char *) &counter, sizeof(counter));
	memcpy(result.data, generated, UUID_LEN);
	put_time(&result);
	return result;
}

bool
uuid_parse_text(const char *text, pg_uuid_t *uuid)
{
	uuid_t parsed;

	if (uuid_parse(text, parsed) != 0)
		return false;
	memcpy(uuid->data, parsed, UUID_LEN);
	return true;
}
