/*
 * uuid.c
 *		uuids: compared, written, read, made.
 */
#include "postgres.h"

#include <time.h>

#include "miscadmin.h"

#include "base/uuid.h"

#define TEXT_LENGTH  36
#define MADE_AT_ONCE 64

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
	static const char digits[] = "0123456789abcdef";
	char *text = palloc(TEXT_LENGTH + 1);
	char *end = text;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*end++ = '-';
		*end++ = digits[uuid->data[i] >> 4];
		*end++ = digits[uuid->data[i] & 0x0f];
	}
	*end = '\0';
	return text;
}

/* Writes time and version in front, which makes random bytes a uuid of version 7 (RFC 9562, 5.7). */
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
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
}

/*
 * Random bytes are got for many at a time: a call makes dozens.  The time in front has what is written together stand
 * together in the indexes, however large these are.
 */
pg_uuid_t
uuid_new(void)
{
	static pg_uuid_t made[MADE_AT_ONCE];
	static int left;
	static int left_of; /* process */
	pg_uuid_t result;

	if (left == 0 || left_of != MyProcPid)
	{
		if (!pg_strong_random(made, sizeof(made)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values"),
					 errhint("See the system's random number source.")));
		left = MADE_AT_ONCE;
		left_of = MyProcPid;
	}
	result = made[--left];
	put_time(&result);
	return result;
}

/* Of a hexadecimal digit; -1: it is none. */
static int
digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

bool
uuid_parse_text(const char *text, pg_uuid_t *uuid)
{
	pg_uuid_t parsed;

	for (int i = 0; i < UUID_LEN; i++)
	{
		int high;
		int low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		/* the end of the text is no digit */
		high = digit_value(text[0]);
		low = high < 0 ? -1 : digit_value(text[1]);
		if (low < 0)
			return false;
		parsed.data[i] = (unsigned char) (high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return false;
	*uuid = parsed;
	return true;
}
