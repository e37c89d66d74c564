/*
 * job_end.h
 *		The ends of a job: finishing, failing, cancelling, cleaning.
 */
#ifndef VMCLONE_JOB_END_H
#define VMCLONE_JOB_END_H

#include "postgres.h"

#include "utils/uuid.h"

#define DUE_JOB "(j.next_attempt_at IS NULL OR j.next_attempt_at <= clock_timestamp())"

#define HAS_ALL_IMAGES                                                                             \
	"NOT EXISTS (SELECT FROM vmclone.async_tasks t WHERE t.job_id = j.job_id"                      \
	" AND t.result IS DISTINCT FROM 'success')"

/* Jobs with a step to be done on the way to their end: all images are there, or they are on the way. */
#define ENDING_JOBS                                                                                \
	"SELECT j.job_id, j.created_at, j.copy_number FROM vmclone.jobs j"                             \
	" WHERE j.status IN ('finishing', 'failing', 'cancelling') AND " DUE_JOB                       \
	" UNION ALL SELECT j.job_id, j.created_at, j.copy_number FROM vmclone.jobs j"                  \
	" WHERE j.status = 'cleaning' AND " DUE_JOB                                                    \
	" AND NOT EXISTS (SELECT FROM vmclone.async_tasks t"                                           \
	" WHERE t.job_id = j.job_id AND t.status = 'cleaning')"                                        \
	" UNION ALL SELECT j.job_id, j.created_at, j.copy_number FROM vmclone.jobs j"                  \
	" WHERE j.status = 'running' AND " DUE_JOB " AND j.requested IS NULL AND " HAS_ALL_IMAGES      \
	" UNION ALL SELECT j.job_id, j.created_at, j.copy_number FROM vmclone.jobs j"                  \
	" WHERE j.status = 'waiting' AND j.next_attempt_at <= clock_timestamp()"                       \
	" AND j.requested IS NULL AND " HAS_ALL_IMAGES

/* Moves jobs whose tasks are over, or that are on the way to their end.  True: something moved. */
extern bool job_end_next(void);

/*
 * A task has succeeded, in the same transaction: if it was the job's last one, the job is finishing, and
 * has succeeded where no other copy reads its images.  False, and nothing done, otherwise, and while
 * somebody holds the job's row.
 */
extern bool job_end_after_success(const pg_uuid_t *job_id);

/* Jobs that are not over and not only held or paused: the worker has a reason to stay. */
extern bool job_anything_to_do(void);

#endif
