/*
 * job_transaction.h
 *		The worker's short transactions.
 */
#ifndef VMCLONE_JOB_TRANSACTION_H
#define VMCLONE_JOB_TRANSACTION_H

#include "postgres.h"

typedef void (*JobUnit)(void *argument);

/*
 * Runs one unit of work in a transaction of its own, with an SPI connection and in the extension's
 * own frame.  An ERROR is logged, its transaction aborted, and its text with detail returned in
 * the context current at the call; NULL: committed.
 */
extern char *job_transaction(JobUnit unit, void *argument);

#endif
