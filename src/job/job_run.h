/*
 * job_run.h
 *		What the worker has under way: one vmclone-copy child after another for a task.
 *
 * A run lives in the worker's memory only.  What must survive is in async_tasks, guarded by the
 * claim: a result with an older claim is dropped.
 *
 *	job_agenda.c		what there is to do
 *	job_claim_copy.c	which copy is next
 *	job_claim.c		which cleaning, giving back or measurement is
 *	job_source.c	what it reads, and the domains that it touches
 *	job_place.c		which host does it
 *	job_hosts.c		whether hosts answer
 *	job_lease.c		tasks whose copier may still write
 *	job_block.c		devices of block domains
 *	job_give_back.c	those that a host has which a task has left
 *	job_run.c		the list of runs
 *	job_arguments.c	what a run's child is told on its command line
 *	job_step.c		the way of a run from one child to the next
 *	job_sequence.c	which step follows which, also within one child
 *	job_limit.c		bytes per second that a run may copy
 *	job_event.c		what a copier says
 *	job_verdict.c	what a child's end means
 *	job_outcome.c	what becomes of the task and its job for that
 *	job_look.c		what it has seen of storage domains
 *	job_request.c	cancel, pause, resume and limits, for what runs
 *	job_end.c		the ends of a job: finishing, failing, cancelling, cleaning
 */
#ifndef VMCLONE_JOB_RUN_H
#define VMCLONE_JOB_RUN_H

#include "postgres.h"

#include "job/task_state.h"
#include "nodes/pg_list.h"
#include "storage/storage_command.h"
#include "storage/storage_place.h"
#include "utils/uuid.h"

typedef enum RunKind
{
	RUN_COPY,      /* check the domains, create, copy, commit */
	RUN_CLEAN,     /* check the domain, remove */
	RUN_MEASURE,   /* check the domains, measure */
	RUN_GIVE_BACK, /* deactivate what an earlier host of the task has */
} RunKind;

typedef enum RunStep
{
	STEP_CHECK,    /* each domain: is it there, and ours */
	STEP_ACTIVATE, /* each block domain that is read: its logical volumes get devices */
	STEP_SIZE,     /* how large a device the result takes */
	STEP_CREATE,
	STEP_COPY,
	STEP_SPACE, /* after a copy that found no space: how much there is */
	STEP_LOOK,  /* after a failure: whether the domains are still there */
	STEP_COMMIT,
	STEP_REMOVE,
	STEP_MEASURE,
	STEP_RELEASE, /* whatever came of the run: what it has activated is deactivated */
} RunStep;

/* A storage domain that a run touches. */
typedef struct RunDomain
{
	char *id;
	char *name;
	char *format;       /* "0".."5" */
	StoragePlace place; /* on the run's host */

	/* what the run has seen of it (job_look.h) */
	TimestampTz looked_at; /* 0: nothing yet */
	int64 total_bytes;     /* -1: not told */
	int64 available_bytes;
	char *look_error; /* NULL: it is there */
} RunDomain;

/* An image of the chain. */
typedef struct RunLayer
{
	RunDomain *domain;
	bool is_raw;
	char *group_id; /* names the folder of a file */
	char *image_id; /* of a block domain also the logical volume's name */
	char *name;     /* that a layer above must have for its backing file */
	char *path; /* file or device on the run's host; NULL while a logical volume is not active */
} RunLayer;

/* Why a step has failed. */
typedef struct RunError
{
	RunStep step;
	char *kind;
	char *errno_word;
	bool in_layer;
	char *path;
	char *message;
} RunError;

typedef struct JobRun
{
	MemoryContext context; /* holds everything of the run */
	RunKind kind;
	RunStep step;
	bool in_sequence;      /* the child goes on to the next step by itself */
	pg_uuid_t job_id;      /* RUN_MEASURE: zero */
	TaskClaim task;        /* RUN_MEASURE: the image */
	pg_uuid_t snapshot_id; /* RUN_MEASURE */
	StorageHost host;      /* that does all its steps */
	char *earlier_host;    /* that the task was on before; NULL: none */
	int attempts;          /* crashes of copiers for the task so far */
	List *domains;         /* RunDomain *; the first is the target */
	int domain_number;     /* which of them STEP_CHECK, STEP_ACTIVATE or STEP_RELEASE is at */
	char *disk_id;         /* of the target, as text */
	char *image_id;
	char *disk_alias;       /* RUN_COPY */
	char *owner;            /* RUN_COPY: the role whose job it is */
	char *file_name;        /* of the target in a directory domain; NULL: it has none */
	List *layers;           /* RunLayer *, the first snapshot first */
	bool reads_copy;        /* another copy's image instead of the chain */
	char *volume_format;    /* "RAW" or "COW" */
	char *volume_type;      /* "Sparse" or "Preallocated" */
	char *copy_volume_type; /* "LEAF" or "SHARED" */
	char *description;
	int64 virtual_size;
	bool verify;
	bool has_activated;      /* logical volumes, for its layers */
	bool is_left;            /* some of them could not be deactivated */
	bool must_wait;          /* for what another run does to volumes or their group */
	int64 device_size;       /* bytes that the result's logical volume must have at least */
	char *device;            /* of the result, in a block domain */
	char *state;             /* directory on its host for the record of such a copy */
	bool wipe;               /* RUN_CLEAN: zeroed before it goes */
	bool discard;            /* RUN_CLEAN */
	StorageCommand *command; /* NULL between steps */
	char *answer;            /* last line of a volume command or of measure */

	/* what the copier said */
	char phase[64];
	int64 bytes_total;
	int64 bytes_done;
	int64 bytes_best; /* done by earlier attempts */
	int64 bytes_written;
	int64 bytes_verified;
	int64 bytes_to_verify; /* 0: no verification has begun */
	int64 rate;
	int64 output_size;
	int64 allocated;
	char *method;
	char *method_reason;
	char checkpoint[64];
	TimestampTz progressed_at; /* it last said something new */
	bool paused;
	bool moves;    /* has done bytes that no earlier attempt had: there is nothing to complain of */
	bool advanced; /* so many that the time waited starts anew */
	bool reason_cleared; /* written: the job's reason for an earlier wait is gone */
	bool wait_cleared;   /* written: and the time waited */
	bool dirty;          /* not written to async_tasks yet */
	char *error_kind;
	char *error_errno;
	bool error_in_layer;
	char *error_path;
	char *error_message;
	char *space_error; /* the message of the copy that found no space, during STEP_SPACE */
	RunError failure;  /* what a step has failed for, during STEP_LOOK */

	/* what it may do at most, in bytes per second; 0: no limit */
	int64 job_limit;    /* with the job's other copies */
	int64 domain_limit; /* with all that is copied to its domain */
	int64 host_limit;   /* with all that its host copies */

	/* what it was told */
	bool pause_sent;
	int64 limit_sent;      /* bytes per second; 0: none */
	TimestampTz stop_sent; /* 0: it may go on */
	bool moves_away;       /* stopped, to go on on another host */
	bool is_stuck;         /* killed, and still there: it hangs in the kernel */
} JobRun;

extern List *job_runs_list; /* JobRun * */

/* A run in a memory context of its own, not on the list yet. */
extern JobRun *job_run_make(RunKind kind);
extern void job_run_add(JobRun *run);

/* Takes it from the list, with its child and its memory. */
extern void job_run_remove(JobRun *run);

/* Ends a child: SIGTERM, then SIGKILL; its run stays until it is reaped. */
extern void job_run_stop(JobRun *run);

/* SIGKILL to all at the worker's exit: what they have done stays for the next start. */
extern void job_runs_kill_all(void);

extern bool job_has_runs(const pg_uuid_t *job_id);

/* There are some, and all that their children have to say is how far they are: they go on by themselves. */
extern bool job_runs_go_on(void);

/* The domain that the run writes to. */
extern const RunDomain *job_run_target(const JobRun *run);

extern bool job_runs_same_target(const JobRun *run, const JobRun *other);

extern bool job_runs_same_host(const JobRun *run, const JobRun *other);

/* A copy that is to go on and has made no progress for vmclone.storage_timeout. */
extern bool job_run_stalled(const JobRun *run);

/*
 * It takes a place among the copies that run at once: a paused or stuck one doesn't, nor do as many
 * stalled ones as there are places.
 */
extern bool job_run_active(const JobRun *run);

/* Copies that take a place, of vmclone.max_parallel_copies. */
extern int job_runs_active(void);

/* Stalled copies whose place others may have. */
extern int job_runs_stalled(void);

#endif
