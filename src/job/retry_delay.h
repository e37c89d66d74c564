/*
 * retry_delay.h
 *		How long it takes until something is tried again.
 */
#ifndef VMCLONE_RETRY_DELAY_H
#define VMCLONE_RETRY_DELAY_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* When to try again after that many attempts, from 0: the delay doubles from vmclone.retry_delay to a minute. */
extern TimestampTz retry_at(int attempts);

/* Attempts that a time waited, in milliseconds, stands for: who waits for an outside cause counts time. */
extern int retry_attempts_within(int64 waited_ms);

#endif
