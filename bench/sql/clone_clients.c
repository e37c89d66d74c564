/*
 * clone_clients.c
 *		Clones VMs from snapshots over libpq, and says how long that took.
 *
 *	clone_clients call|rows|plain|write CLIENTS FIRST COUNT COPIES
 *
 * call		one SELECT of vmclone.add_vm_from_snapshot for each clone (or for COPIES clones)
 * rows		the same clone as an engine makes it (row_client.h), by prepared statements
 * plain	the same, each statement sent as text, as most drivers do unless told to prepare
 * write	the limit: its rows and locks only, unchecked, one prepared statement for each table
 *
 * Each of CLIENTS processes clones COUNT of the fixture's VMs bench<FIRST>, bench<FIRST + 1>, …, every
 * one once.  Prints one line: calls, milliseconds a call (median, 95th percentile), clones a second
 * over all clients, statements a call, milliseconds of CPU a call (server and client).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "row_client.h"

#define WARM_UP 12 /* clones before the clock starts: plans, caches */
#define EXTRA   3  /* after the times: statements, whole time, CPU time */

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static char *
text(const char *format, int a, int b)
{
	char buffer[256];

	snprintf(buffer, sizeof(buffer), format, a, b);
	return strdup(buffer);
}

static void
clone_by_call(const Source *source, const char *name, const char *copies)
{
	const char *values[] = {source->snapshot, name, copies};

	PQclear(connection_run("call", 3, values));
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *) a;
	double right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/* One client: times of its clones, after the warm-up, are written to the pipe. */
static void
client(const char *mode, int number, int first, int count, const char *copies, int ready, int go,
	   int output)
{
	bool by_rows = strcmp(mode, "call") != 0;
	double *times = calloc(count + EXTRA, sizeof(double));
	Source *sources = calloc(count, sizeof(Source));
	char byte = 0;

	connection_open(strcmp(mode, "plain") != 0);
	for (int i = 0; i < count; i++)
		sources[i] = row_client_source(first + i);
	if (by_rows)
		row_client_capture(first);
	else
		connection_name(
			"call", "SELECT job_id, vm_id, vm_name FROM vmclone.add_vm_from_snapshot($1::uuid, $2,"
					" copies => $3::integer, start_paused => true)");
	for (int i = 0; i < count; i++)
	{
		char *name = text(atoi(copies) > 1 ? "clone%d_%d_{n}" : "clone%d_%d", number, first + i);
		double start;

		if (i == WARM_UP || (count <= WARM_UP && i == 0))
		{
			if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) < 0)
				exit(1);
			connection_statements = 0;
			times[count + 2] = connection_cpu();
			times[count + 1] = now();
		}
		start = now();
		if (strcmp(mode, "write") == 0)
			row_client_write(&sources[i], name, first + i);
		else if (by_rows)
			row_client_clone(&sources[i], name, first + i);
		else
			clone_by_call(&sources[i], name, copies);
		times[i] = now() - start;
		free(name);
	}
	times[count + 1] = now() - times[count + 1];
	times[count + 2] = connection_cpu() - times[count + 2];
	times[count] = connection_statements;
	if (write(output, times, sizeof(double) * (count + EXTRA)) !=
		(ssize_t) (sizeof(double) * (count + EXTRA)))
		exit(1);
	connection_close();
	exit(0);
}

int
main(int argc, char **argv)
{
	int clients;
	int first;
	int count;
	int warm;
	int ready[2];
	int go[2];
	int outputs[64];
	double *all;
	int measured = 0;
	double longest = 0;
	double statement_count = 0;
	double cpu_time = 0;

	if (argc != 6 || (clients = atoi(argv[2])) < 1 || clients > 64 || (count = atoi(argv[4])) < 1)
	{
		fprintf(stderr, "usage: clone_clients call|rows|plain|write CLIENTS FIRST COUNT COPIES\n");
		return 2;
	}
	first = atoi(argv[3]);
	warm = count > WARM_UP ? WARM_UP : 0;
	if (pipe(ready) != 0 || pipe(go) != 0)
		return 1;
	for (int c = 0; c < clients; c++)
	{
		int output[2];

		if (pipe(output) != 0)
			return 1;
		switch (fork())
		{
			case -1:
				return 1;
			case 0:
				close(go[1]);
				client(argv[1], c, first + c * count, count, argv[5], ready[1], go[0], output[1]);
				break;
			default:
				close(output[1]);
				outputs[c] = output[0];
		}
	}
	close(ready[1]);
	for (int c = 0; c < clients; c++)
	{
		char byte;

		if (read(ready[0], &byte, 1) != 1)
			return 1;
	}
	close(go[0]);
	close(go[1]); /* all start at once */

	all = calloc((size_t) clients * count, sizeof(double));
	for (int c = 0; c < clients; c++)
	{
		double *times = calloc(count + EXTRA, sizeof(double));
		size_t size = sizeof(double) * (count + EXTRA);
		size_t got = 0;

		while (got < size)
		{
			ssize_t n = read(outputs[c], (char *) times + got, size - got);

			if (n <= 0)
				return 1;
			got += n;
		}
		for (int i = warm; i < count; i++)
			all[measured++] = times[i];
		statement_count += times[count];
		cpu_time += times[count + 2];
		if (times[count + 1] > longest)
			longest = times[count + 1];
		free(times);
	}
	while (wait(NULL) > 0)
		;
	qsort(all, measured, sizeof(double), compare);
	printf("%d %.3f %.3f %.1f %.0f %.3f\n", measured, all[measured / 2], all[measured * 95 / 100],
		   measured * atoi(argv[5]) / (longest / 1e3), statement_count / measured,
		   cpu_time / measured);
	free(all);
	return 0;
}
