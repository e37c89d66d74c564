/*
 * state_table.h
 *		The states of jobs and tasks, and who may move which from where to where.
 *
 * Two tables, one for jobs.status and one for async_tasks.status, are all there is.  job_state.c and
 * task_state.c ask them before they change a state, command_jobs.c before it makes a row; docs/jobs.md
 * shows them (test/docs/states.pl holds code and page together, test/t/069_state_table.pl tries every move).
 */
#ifndef VMCLONE_STATE_TABLE_H
#define VMCLONE_STATE_TABLE_H

#include "postgres.h"

#include "utils/uuid.h"

typedef enum JobStatus
{
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_PAUSED,
	JOB_WAITING,
	JOB_HELD,
	JOB_FINISHING,
	JOB_FAILING,
	JOB_CANCELLING,
	JOB_CLEANING,
	JOB_SUCCEEDED,
	JOB_FAILED,
	JOB_CANCELLED,
} JobStatus;

typedef enum TaskStatus
{
	TASK_INIT,
	TASK_RUNNING,
	TASK_FINISHED,
	TASK_ABORTING,
	TASK_CLEANING,
} TaskStatus;

typedef enum Mover
{
	MOVER_CALL,             /* the statement that makes the row */
	MOVER_WORKER,           /* also for what a control function has requested */
	MOVER_RETRY_JOB,        /* retry_job, in its own transaction */
	MOVER_ABANDON_CLEANING, /* abandon_cleaning, in its own transaction */
	MOVER_ADOPT,            /* adopt('abandon'), in its own transaction */
} Mover;

/* A set of states: one bit for each. */
typedef uint32 StateSet;

#define STATE_BIT(status) ((StateSet) 1 << (status))

#define JOB_IS_OVER   (STATE_BIT(JOB_SUCCEEDED) | STATE_BIT(JOB_FAILED) | STATE_BIT(JOB_CANCELLED))
#define JOB_IS_UNDONE (STATE_BIT(JOB_FAILING) | STATE_BIT(JOB_CANCELLING) | STATE_BIT(JOB_CLEANING))

/* Copiers may be at work for it, or stand still for it. */
#define JOB_HAS_COPIES                                                                             \
	(STATE_BIT(JOB_QUEUED) | STATE_BIT(JOB_RUNNING) | STATE_BIT(JOB_PAUSED) |                      \
	 STATE_BIT(JOB_WAITING) | STATE_BIT(JOB_HELD))

#define state_in(status, set) ((STATE_BIT(status) & (set)) != 0)

/* The word in the table's column; and back, XX000 for a word that is none. */
extern const char *job_status_word(JobStatus status);
extern JobStatus job_status_of_word(const char *word);
extern const char *task_status_word(TaskStatus status);

/* States from which the mover may move a job, or a task, to the given one. */
extern StateSet job_sources(JobStatus to, Mover mover);
extern StateSet task_sources(TaskStatus to, Mover mover);

/* XX000 unless the mover may move the job from the one state to the other. */
extern void job_check_move(const pg_uuid_t *job_id, JobStatus from, JobStatus to, Mover mover);

/* The word of a state that a call writes into a new row; XX000 unless a row may begin so. */
extern const char *job_first_word(JobStatus status);
extern const char *task_first_word(TaskStatus status);

/* A set as text[] for status = ANY ($n), in the current memory context. */
extern Datum job_status_array(StateSet set);
extern Datum task_status_array(StateSet set);

#endif
