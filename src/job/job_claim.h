/*
 * job_claim.h
 *		Which task, cleaning or measurement is next.
 */
#ifndef VMCLONE_JOB_CLAIM_H
#define VMCLONE_JOB_CLAIM_H

#include "postgres.h"

/* Of measurements: asked for, and not tried just now. */
#define SQL_MEASUREMENT_IS_DUE                                                                     \
	"status = 'queued' AND (measured_at IS NULL"                                                   \
	" OR measured_at <= clock_timestamp() - current_setting('vmclone.retry_delay')::interval)"

/*
 * Claim what may start and start its runs; any_waiting: also of jobs that wait; something_new: since the last call, but
 * for the time that has passed.  True: something was claimed.
 */
extern bool job_claim_next(bool any_waiting, bool something_new);
extern bool job_claim_cleaning(void);
extern bool job_claim_measurement(void);

/* The same for what a host that is there still has active for a task that went on elsewhere. */
extern bool job_claim_give_back(void);

/*
 * After a start: tasks and measurements that a dead worker left running go back to the queue.
 * False: not yet, somebody holds the table.
 */
extern bool job_claim_reset_orphans(void);

#endif
