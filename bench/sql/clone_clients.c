/*
 * clone_clients.c
 *		Clones VMs from snapshots over libpq, and says how long that took.
 *
 *	clone_clients turns COUNT WAY…			who is faster, and by how much
 *	clone_clients together COUNT WAY CLIENTS	clones a second
 *
 * turns		One client for each WAY (client.h).  They take turns, BATCH clones each, so that what disturbs
 *			the machine disturbs all of them alike, and yet each works with warm caches.  Prints a line
 *			for each: milliseconds a call (median, 95th percentile), statements a call, milliseconds of
 *			CPU a call (server and client), and how many times as long as the first way's calls its
 *			calls took in the same turn (of the batches' medians; median of the turns).
 * together	CLIENTS clients of one WAY at once.  Prints the clones a second over all of them.
 *
 * Every client clones COUNT of the fixture's VMs, after another WARM_UP of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define MAX_CLIENTS 64
#define BATCH       30

static int
compare(const void *a, const void *b)
{
	double left = *(const double *) a;
	double right = *(const double *) b;

	return (left > right) - (left < right);
}

/* The value below which that share of them lies; sorts them. */
static double
percentile(double *values, int count, int percent)
{
	qsort(values, count, sizeof(double), compare);
	return values[count * percent / 100];
}

static double *
make_values(int count)
{
	double *values = calloc(count, sizeof(double));

	if (values == NULL)
	{
		perror("calloc");
		exit(1);
	}
	return values;
}

/* One client's batch of clones: their times, and what they cost added to sums.  Returns the median. */
static double
run_batch(const Client *client, int count, double *times, Report *sums)
{
	double sorted[BATCH];

	for (int i = 0; i < count; i++)
	{
		Report report;

		client_ask(client);
		report = client_report(client);
		times[i] = sorted[i] = report.time;
		sums->statements += report.statements;
		sums->cpu += report.cpu;
	}
	return percentile(sorted, count, 50);
}

static void
take_turns(int count, char **ways, int way_count)
{
	Client clients[MAX_CLIENTS];
	double *times[MAX_CLIENTS];
	double *ratios[MAX_CLIENTS];
	Report sums[MAX_CLIENTS] = {0};
	int turns = 0;

	for (int c = 0; c < way_count; c++)
	{
		double warming[BATCH];
		Report ignored = {0};

		clients[c] = client_start(ways[c], c + 1, 1 + c * (count + WARM_UP), count + WARM_UP);
		times[c] = make_values(count);
		ratios[c] = make_values(count);
		for (int i = 0; i < WARM_UP; i++)
			run_batch(&clients[c], 1, warming, &ignored);
	}
	for (int done = 0; done < count; done += BATCH)
	{
		int batch = count - done < BATCH ? count - done : BATCH;
		double first = 0;

		for (int c = 0; c < way_count; c++)
		{
			double median = run_batch(&clients[c], batch, times[c] + done, &sums[c]);

			if (c == 0)
				first = median;
			ratios[c][turns] = median / first;
		}
		turns++;
	}
	for (int c = 0; c < way_count; c++)
	{
		double median = percentile(times[c], count, 50);

		printf("%s %.3f %.3f %.0f %.3f %.4f\n", ways[c], median, percentile(times[c], count, 95),
			   sums[c].statements / count, sums[c].cpu / count, percentile(ratios[c], turns, 50));
		client_end(&clients[c]);
		free(times[c]);
		free(ratios[c]);
	}
}

static void
run_together(int count, const char *way, int client_count)
{
	Client clients[MAX_CLIENTS];
	struct timespec start;
	struct timespec end;

	for (int c = 0; c < client_count; c++)
	{
		clients[c] = client_start(way, c + 1, 1 + c * (count + WARM_UP), count + WARM_UP);
		for (int i = 0; i < WARM_UP; i++)
		{
			client_ask(&clients[c]);
			client_report(&clients[c]);
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int c = 0; c < client_count; c++)
	{
		for (int i = 0; i < count; i++)
			client_ask(&clients[c]);
	}
	for (int c = 0; c < client_count; c++)
	{
		for (int i = 0; i < count; i++)
			client_report(&clients[c]);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (int c = 0; c < client_count; c++)
		client_end(&clients[c]);
	printf("%.1f\n", (double) count * client_count * client_copies(way) /
						 (end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9));
}

int
main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 0;

	if (argc >= 4 && count > 0 && argc - 3 <= MAX_CLIENTS && strcmp(argv[1], "turns") == 0)
		take_turns(count, argv + 3, argc - 3);
	else if (argc == 5 && count > 0 && strcmp(argv[1], "together") == 0 && atoi(argv[4]) > 0 &&
			 atoi(argv[4]) <= MAX_CLIENTS)
		run_together(count, argv[3], atoi(argv[4]));
	else
	{
		fprintf(stderr, "usage: clone_clients turns COUNT WAY…\n"
						"       clone_clients together COUNT WAY CLIENTS\n");
		return 2;
	}
	return 0;
}
