/*
 * job_agenda.h
 *		What there is to do, as the tables say.
 */
#ifndef VMCLONE_JOB_AGENDA_H
#define VMCLONE_JOB_AGENDA_H

#include "postgres.h"

typedef struct JobAgenda
{
	bool announce;      /* jobs that the worker has not seen yet */
	bool requests;      /* of people, to jobs */
	bool ending;        /* jobs with a step to be done on the way to their end */
	bool startable;     /* jobs that may have a task to begin */
	bool waiting;       /* the same, and what they wait for is to be tried again */
	bool cleaning;      /* files to remove */
	bool left_on_hosts; /* devices of tasks that went on elsewhere */
	bool measurements;  /* asked for, to be tried now */
	bool live;          /* jobs that are not over, also held and paused ones */
	bool busy;          /* something will be to do, now or later: the worker stays */
} JobAgenda;

/* Looks by indexes that hold only what is to be done.  In a job_transaction. */
extern void job_agenda(JobAgenda *agenda);

#endif
