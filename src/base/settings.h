/*
 * settings.h
 *		Every setting (GUC) of the library; settings.c defines them.
 */
#ifndef VMCLONE_SETTINGS_H
#define VMCLONE_SETTINGS_H

/* What the server's log is told of jobs. */
typedef enum LogJobs
{
	LOG_JOBS_NONE,
	LOG_JOBS_PROBLEMS,
	LOG_JOBS_ALL,
} LogJobs;

extern char
	*vmclone_storage_roots; /* ':'-separated directories; empty = no domain may be attached */
extern char *vmclone_copy_program;      /* empty = vmclone-copy beside the server's programs */
extern char *vmclone_provision_command; /* makes logical volumes; empty = no block domains */
extern char *vmclone_copy_launcher; /* words that start a command on a host that is not this one */
extern char *vmclone_domain_owner;  /* "UID:GID" that files of a domain must get, or empty */
extern char *vmclone_lock_mode;     /* "exclusive" or "shared" */
extern int vmclone_log_jobs;        /* a LogJobs */
extern int vmclone_max_parallel_copies;  /* copier processes at once, per worker */
extern int vmclone_max_copies_per_owner; /* of them for the jobs of one role; 0 = no limit */
extern int vmclone_history_retention; /* seconds that jobs which are over are kept; 0 = for ever */
extern int vmclone_copy_threads;      /* --threads of each copier; 0 = the copier's own choice */
extern int vmclone_max_attempts;      /* of one task before its job fails */
extern int vmclone_worker_idle_timeout; /* seconds; only a worker that is not preloaded leaves */
extern int vmclone_copy_lease;  /* seconds that a copier goes on without hearing from the worker */
extern int vmclone_lock_wait;   /* milliseconds to wait for rows that unrelated calls share */
extern int vmclone_wait_limit;  /* seconds that a job may wait for an outside cause */
extern int vmclone_retry_delay; /* milliseconds before the first retry; doubles up to a minute */
extern int vmclone_storage_timeout; /* seconds that a storage command may take */
extern int vmclone_poll_interval;   /* seconds between the worker's safety polls */
extern bool vmclone_resume_on_promotion;
extern bool vmclone_inventory_frame; /* of base/frame.c */

/* What of vmclone.copy_launcher stands for a host's address, and what is between its words. */
#define LAUNCHER_ADDRESS "{address}"
#define LAUNCHER_BLANKS  " \t\n"

extern void settings_define(void);

#endif
