/*
 * storage_answer.h
 *		A volume command that a backend runs, and what it answered.
 */
#ifndef VMCLONE_STORAGE_ANSWER_H
#define VMCLONE_STORAGE_ANSWER_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/storage_command.h"
#include "storage/storage_host.h"
#include "utils/jsonb.h"

/* ok false with kind and message, and hint where given. */
typedef struct StorageAnswer
{
	bool ok;
	Jsonb *object;
	char *kind;
	char *message;
	char *hint;
} StorageAnswer;

/* Runs it on the host and waits; ERRCODE_VC_STORAGE_COMMAND where it gave no answer within vmclone.storage_timeout. */
extern StorageAnswer storage_answer(const StorageHost *host, List *arguments);

/* The same with another limit, in seconds; 0: none. */
extern StorageAnswer storage_answer_within(const StorageHost *host, List *arguments,
										   int timeout_seconds);

/* What a command that was run by storage_command_run_lines() answered in the end. */
extern StorageAnswer storage_answer_of(const StorageResult *result);

/* The message as the beginning of a DETAIL. */
extern char *storage_answer_detail(const StorageAnswer *answer);

#endif
