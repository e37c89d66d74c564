/*
 * job_event.h
 *		What a copier says, and the progress that is written from it.
 */
#ifndef VMCLONE_JOB_EVENT_H
#define VMCLONE_JOB_EVENT_H

#include "postgres.h"

/* A line of a child's stdout; argument is its JobRun. */
extern void job_event_line(const char *line, void *argument);

/* Writes what copiers said since the last call, at most once a second. */
extern void job_progress_write(void);

#endif
