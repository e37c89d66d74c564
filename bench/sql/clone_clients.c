/*
 * clone_clients.c
 *		Clones VMs from snapshots over libpq, and says how long that took.
 *
 *	clone_clients turns COUNT WAY…			who is faster, and by how much
 *	clone_clients turns-apart COUNT WAY…	the same, server and client on different processors
 *	clone_clients spread COUNT CLIENTS WAY…	what several clients reach at once
 *
 * turns		One client for each WAY (client.h).  They take turns, BATCH clones each, so that what disturbs
 *			the machine disturbs all of them alike, and yet each works with warm caches.  A turn is on one
 *			processor, the next turn on the next: a virtual machine's processors may differ by half for
 *			minutes, and who is on which would be measured.  Prints a line for each: milliseconds a call
 *			(median, 95th percentile), statements a call, milliseconds of CPU a call (server and client),
 *			and how many times as long as the first way's calls its calls took in the same turn (of the
 *			batches' medians; median of the turns).
 * spread	CLIENTS clients, of the WAYs in turn, each with its server process on one processor, the next client on
 *			the next.  In turns, each makes some clones while the others wait, then all at once.  Prints the clones
 *			a second of one alone (their mean), of all at once, and how many times the first that is in the
 *			same turn: medians.  With ways of two servers it is what clients that share nothing reach.
 *
 * Every client clones COUNT of the fixture's VMs, after another WARM_UP of them.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "processors.h"

#define MAX_CLIENTS  64
#define BATCH        30
#define SPREAD_BATCH 15

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

static Place
place_of(int turn, bool apart)
{
	return (Place){.server = processors_number(turn),
				   .client = processors_number(turn + (apart ? 1 : 0))};
}

/* One client's batch of clones: their times, and what they cost added to sums.  Returns the median. */
static double
run_batch(const Client *client, Place place, int count, double *times, Report *sums)
{
	double sorted[BATCH];

	for (int i = 0; i < count; i++)
	{
		Report report;

		client_ask(client, place);
		report = client_report(client);
		times[i] = sorted[i] = report.time;
		sums->statements += report.statements;
		sums->cpu += report.cpu;
	}
	return percentile(sorted, count, 50);
}

static void
take_turns(int count, bool apart, char **ways, int way_count)
{
	Client clients[MAX_CLIENTS] = {0};
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
			run_batch(&clients[c], place_of(0, apart), 1, warming, &ignored);
	}
	for (int done = 0; done < count; done += BATCH)
	{
		int batch = count - done < BATCH ? count - done : BATCH;
		double first = 0;

		for (int c = 0; c < way_count; c++)
		{
			double median =
				run_batch(&clients[c], place_of(turns, apart), batch, times[c] + done, &sums[c]);

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

/* Clones a second that the clients make at once, count each, on the processors from "first" on. */
static double
rate(const Client *clients, int client_count, int first, int count)
{
	double start = clock_now();

	for (int c = 0; c < client_count; c++)
	{
		for (int i = 0; i < count; i++)
			client_ask(&clients[c], place_of(first + c, false));
	}
	for (int c = 0; c < client_count; c++)
	{
		for (int i = 0; i < count; i++)
			client_report(&clients[c]);
	}
	return count * client_count * client_copies(clients[0].way) * 1e3 / (clock_now() - start);
}

static void
run_spread(int count, int client_count, char **ways, int way_count)
{
	Client clients[MAX_CLIENTS] = {0};
	double *alone = make_values(count);
	double *together = make_values(count);
	double *ratios = make_values(count);
	int batch = count < 2 * SPREAD_BATCH ? (count + 1) / 2 : SPREAD_BATCH;
	int turns = 0;

	for (int c = 0; c < client_count; c++)
		clients[c] =
			client_start(ways[c % way_count], c + 1, 1 + c * (count + WARM_UP), count + WARM_UP);
	rate(clients, client_count, 0, WARM_UP);
	for (int done = 0; done + 2 * batch <= count; done += 2 * batch)
	{
		for (int c = 0; c < client_count; c++)
			alone[turns] += rate(&clients[c], 1, c, batch) / client_count;
		together[turns] = rate(clients, client_count, 0, batch);
		ratios[turns] = together[turns] / alone[turns];
		turns++;
	}
	printf("%.1f %.1f %.4f\n", percentile(alone, turns, 50), percentile(together, turns, 50),
		   percentile(ratios, turns, 50));
	for (int c = 0; c < client_count; c++)
		client_end(&clients[c]);
	free(alone);
	free(together);
	free(ratios);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool apart = strcmp(mode, "turns-apart") == 0;
	int count = argc > 2 ? atoi(argv[2]) : 0;

	if (argc >= 4 && count > 0 && argc - 3 <= MAX_CLIENTS && (apart || strcmp(mode, "turns") == 0))
		take_turns(count, apart, argv + 3, argc - 3);
	else if (argc >= 5 && count > 1 && strcmp(mode, "spread") == 0 && atoi(argv[3]) > 0 &&
			 atoi(argv[3]) <= MAX_CLIENTS)
		run_spread(count, atoi(argv[3]), argv + 4, argc - 4);
	else
	{
		fprintf(stderr, "usage: clone_clients turns COUNT WAY…\n"
						"       clone_clients turns-apart COUNT WAY…\n"
						"       clone_clients spread COUNT CLIENTS WAY…\n");
		return 2;
	}
	return 0;
}
