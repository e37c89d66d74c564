/*
 * settings.c
 *		Every setting (GUC) of the library.
 *
 * All can be changed without a restart; those that decide which files or programs the server
 * touches belong to superusers.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "base/compat.h"
#include "base/settings.h"

char *vmclone_storage_roots = NULL;
char *vmclone_copy_program = NULL;
char *vmclone_provision_command = NULL;
char *vmclone_copy_launcher = NULL;
char *vmclone_domain_owner = NULL;
char *vmclone_lock_mode = NULL;
int vmclone_log_jobs = LOG_JOBS_ALL;
int vmclone_max_parallel_copies = 2;
int vmclone_max_copies_per_owner = 0;
int vmclone_history_retention = 0;
int vmclone_copy_threads = 0;
int vmclone_max_attempts = 5;
int vmclone_worker_idle_timeout = 300;
int vmclone_copy_lease = 30;
int vmclone_lock_wait = 5000;
int vmclone_wait_limit = 3600;
int vmclone_retry_delay = 1000;
int vmclone_storage_timeout = 30;
int vmclone_poll_interval = 10;
bool vmclone_resume_on_promotion = false;
bool vmclone_inventory_frame = false;

static const struct config_enum_entry log_jobs_options[] = {
	{"none", LOG_JOBS_NONE, false},
	{"problems", LOG_JOBS_PROBLEMS, false},
	{"all", LOG_JOBS_ALL, false},
	{NULL, 0, false},
};

/* A list of absolute directories; empty is allowed. */
static bool
check_storage_roots(char **newval, void **extra, GucSource source)
{
	const char *p = *newval;

	while (p && *p)
	{
		const char *end = strchr(p, ':');

		if (*p != '/')
		{
			GUC_check_errdetail("\"%s\" has a directory that is not an absolute path.", *newval);
			return false;
		}
		if (end == NULL)
			break;
		p = end + 1;
	}
	return true;
}

static bool
check_program(char **newval, void **extra, GucSource source)
{
	if (*newval && **newval && **newval != '/')
	{
		GUC_check_errdetail("The program must be given by an absolute path.");
		return false;
	}
	return true;
}

/* Bytes of a launcher's line. */
#define MAX_LAUNCHER 4096

/* No shell reads it: an absolute path, words, and nothing in braces but the address. */
static bool
check_launcher(char **newval, void **extra, GucSource source)
{
	const char *brace = strchr(*newval, '{');

	if (**newval != '/')
		GUC_check_errdetail("The line must begin with the absolute path of a program.");
	else if (strlen(*newval) > MAX_LAUNCHER)
		GUC_check_errdetail("The line must not be longer than %d bytes.", MAX_LAUNCHER);
	else if (brace == NULL)
		GUC_check_errdetail("The line must contain \"" LAUNCHER_ADDRESS "\".");
	else
	{
		while (brace != NULL && strncmp(brace, LAUNCHER_ADDRESS, strlen(LAUNCHER_ADDRESS)) == 0)
			brace = strchr(brace + 1, '{');
		if (brace == NULL)
			return true;
		GUC_check_errdetail("\"" LAUNCHER_ADDRESS "\" is the only placeholder.");
	}
	return false;
}

static bool
check_lock_mode(char **newval, void **extra, GucSource source)
{
	if (strcmp(*newval, "exclusive") != 0 && strcmp(*newval, "shared") != 0)
	{
		GUC_check_errdetail("Available modes are \"exclusive\" and \"shared\".");
		return false;
	}
	return true;
}

static bool
check_domain_owner(char **newval, void **extra, GucSource source)
{
	const char *p = *newval;

	if (p == NULL || *p == '\0')
		return true;
	p += strspn(p, "0123456789");
	if (p == *newval || *p != ':' || p[1] == '\0' || p[1 + strspn(p + 1, "0123456789")] != '\0')
	{
		GUC_check_errdetail(
			"The owner must be given as \"UID:GID\" in numbers, for example \"36:36\".");
		return false;
	}
	return true;
}

void
settings_define(void)
{
	DefineCustomStringVariable(
		"vmclone.storage_roots", "Directories below which storage domains may be attached.",
		"Separated by colons. Empty: no domain can be attached.", &vmclone_storage_roots, "",
		PGC_SUSET, 0, check_storage_roots, NULL, NULL);
	DefineCustomStringVariable("vmclone.copy_program", "Path of the program vmclone-copy.",
							   "Empty: vmclone-copy beside the server's own programs.",
							   &vmclone_copy_program, "", PGC_SUSET, 0, check_program, NULL, NULL);
	DefineCustomStringVariable(
		"vmclone.provision_command", "Path of the program that makes and removes logical volumes.",
		"It is started without a shell (docs/provisioning.md). Empty: no block domain can be used.",
		&vmclone_provision_command, "", PGC_SUSET, 0, check_program, NULL, NULL);
	DefineCustomStringVariable(
		"vmclone.copy_launcher",
		"Line that starts a command on a host: words between blanks, no shell.",
		"\"" LAUNCHER_ADDRESS "\" stands for the host's address (docs/hosts.md).",
		&vmclone_copy_launcher,
		"/usr/bin/ssh -T -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 "
		"-o ServerAliveCountMax=3 -o ForwardAgent=no -o ForwardX11=no -o ClearAllForwardings=yes "
		"-o PermitLocalCommand=no -o ControlMaster=auto -o ControlPersist=30 "
		"-o ControlPath=pgsql_tmp.ssh-%C " LAUNCHER_ADDRESS " vmclone-copy serve",
		PGC_SUSET, 0, check_launcher, NULL, NULL);
	DefineCustomStringVariable("vmclone.domain_owner",
							   "Owner that files in a storage domain must get, as UID:GID.",
							   "VDSM's is 36:36. Empty: any.", &vmclone_domain_owner, "", PGC_SUSET,
							   0, check_domain_owner, NULL, NULL);
	DefineCustomStringVariable("vmclone.lock_mode",
							   "How a clone holds its source where the call does not say.",
							   "\"exclusive\" or \"shared\".", &vmclone_lock_mode, "exclusive",
							   PGC_USERSET, 0, check_lock_mode, NULL, NULL);
	DefineCustomEnumVariable(
		"vmclone.log_jobs", "What the server's log is told of jobs.",
		"\"problems\": that they fail, wait or are held, and that cleaning did "
		"not succeed; \"all\": also the start and the end of each.",
		&vmclone_log_jobs, LOG_JOBS_ALL, log_jobs_options, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"vmclone.max_parallel_copies", "Copy processes that a database's worker runs at once.",
		NULL, &vmclone_max_parallel_copies, 2, 1, 64, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.max_copies_per_owner",
							"Copy processes at once for the jobs of one role.",
							"0: as many as there may be in all.", &vmclone_max_copies_per_owner, 0,
							0, 64, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.history_retention",
							"Time for which jobs that are over are kept.",
							"0: until purge_history removes them.", &vmclone_history_retention, 0,
							0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.copy_threads", "Threads of each copy process.",
							"0: the program's own choice.", &vmclone_copy_threads, 0, 0, 64,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.max_attempts", "Attempts at a task before its job fails.",
							NULL, &vmclone_max_attempts, 5, 1, 1000, PGC_SIGHUP, 0, NULL, NULL,
							NULL);
	DefineCustomIntVariable("vmclone.worker_idle_timeout",
							"Time without work after which a worker that was not preloaded leaves.",
							NULL, &vmclone_worker_idle_timeout, 300, 1, INT_MAX / 1000, PGC_SIGHUP,
							GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.lock_wait",
							"Time to wait for rows that unrelated calls share.",
							"Quota, storage domains, MAC pool and names.", &vmclone_lock_wait, 5000,
							0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.wait_limit",
							"Time that a job may wait for an outside cause before it fails.", NULL,
							&vmclone_wait_limit, 3600, 0, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.retry_delay", "Time before the first retry of a task.",
							"It doubles with every attempt, up to a minute.", &vmclone_retry_delay,
							1000, 10, 60000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.storage_timeout", "Time that a storage command may take.",
							NULL, &vmclone_storage_timeout, 30, 1, 3600, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable(
		"vmclone.copy_lease",
		"Time after which a copier that hears nothing of the worker stops to write.",
		"A task whose copier may still run is given to another host only after that time and a "
		"margin.",
		&vmclone_copy_lease, 30, 5, 3600, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("vmclone.poll_interval", "Time between the worker's safety polls.",
							NULL, &vmclone_poll_interval, 10, 1, 3600, PGC_SIGHUP, GUC_UNIT_S, NULL,
							NULL, NULL);
	DefineCustomBoolVariable("vmclone.resume_on_promotion",
							 "Lets a promoted standby go on with the jobs by itself.",
							 "Switch it on only where the old primary is fenced.",
							 &vmclone_resume_on_promotion, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
	/* no setting but a variable that ends with its frame, whatever ends that */
	DefineCustomBoolVariable(
		"vmclone.inventory_frame", "Whether a statement runs in the inventory's frame.", NULL,
		&vmclone_inventory_frame, false, PGC_INTERNAL,
		GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, NULL, NULL, NULL);
	MarkGUCPrefixReserved("vmclone");
}
