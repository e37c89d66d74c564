/*
 * retry_delay.c
 *		How long it takes until something is tried again.
 */
#include "postgres.h"

#include "base/settings.h"
#include "job/retry_delay.h"
#include "utils/timestamp.h"

/* Longest delay in milliseconds between two attempts. */
#define DELAY_MAX_MS 60000

static int64
delay(int attempts)
{
	return Min((int64) vmclone_retry_delay << Min(attempts, 16), DELAY_MAX_MS);
}

TimestampTz
retry_at(int attempts)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay(attempts));
}

int
retry_attempts_within(int64 waited_ms)
{
	int attempts = 0;

	while (delay(attempts) < Min(waited_ms, DELAY_MAX_MS))
		attempts++;
	return attempts;
}
