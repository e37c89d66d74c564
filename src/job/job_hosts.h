/*
 * job_hosts.h
 *		Whether the hosts that copies run on answer.
 *
 * A host that doesn't costs nobody else anything: it gets no tasks, and is asked again from time to time, beside all else.
 */
#ifndef VMCLONE_JOB_HOSTS_H
#define VMCLONE_JOB_HOSTS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A run found that its host doesn't answer; from the next job_hosts_follow on it is down. */
extern void job_host_failed(const char *name, const char *error);

/* Reads which hosts there are, writes what was found out of them, and asks those that are down or new. */
extern void job_hosts_follow(void);

/* Reads what hosts that were asked have said.  True: something is to be written. */
extern bool job_hosts_attend(void);

/* The children (StorageCommand *) that ask hosts, for the event loop. */
extern List *job_hosts_commands(void);

/* SIGKILL to these at the worker's exit. */
extern void job_hosts_kill_all(void);

#endif
