/*
 * clone_clients.c
 *		Clones VMs from snapshots over libpq, and says how long that took.
 *
 *	clone_clients turns COUNT WAY…			who is faster, and by how much
 *	clone_clients turns-apart COUNT WAY…	the same, server and client on different processors
 *	clone_clients together COUNT WAY CLIENTS	clones a second
 *	clone_clients compute					what several processors give to programs that share nothing
 *
 * turns		One client for each WAY (client.h).  They take turns, BATCH clones each, so that what disturbs
 *			the machine disturbs all of them alike, and yet each works with warm caches.  A turn is on one
 *			processor, the next turn on the next: a virtual machine's processors may differ by half for
 *			minutes, and who is on which would be measured.  Prints a line for each: milliseconds a call
 *			(median, 95th percentile), statements a call, milliseconds of CPU a call (server and client),
 *			and how many times as long as the first way's calls its calls took in the same turn (of the
 *			batches' medians; median of the turns).
 * together	CLIENTS clients of one WAY at once.  Prints the clones a second over all of them; of one client,
 *			the mean of its rates on each processor alone.
 * compute	A process on each processor at once sorts numbers.  Prints how many times the mean rate of one
 *			alone they have together: what clients together can reach.
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

/* Clones a second that the clients make together, count each. */
static double
rate_together(const Client *clients, int client_count, Place place, int count)
{
	double start = clock_now();

	for (int c = 0; c < client_count; c++)
	{
		for (int i = 0; i < count; i++)
			client_ask(&clients[c], place);
	}
	for (int c = 0; c < client_count; c++)
	{
		for (int i = 0; i < count; i++)
			client_report(&clients[c]);
	}
	return count * client_count * client_copies(clients[0].way) * 1e3 / (clock_now() - start);
}

static void
run_together(int count, const char *way, int client_count)
{
	const Place anywhere = {ANY_PROCESSOR, ANY_PROCESSOR};
	Client clients[MAX_CLIENTS];
	double rate = 0;

	for (int c = 0; c < client_count; c++)
	{
		clients[c] = client_start(way, c + 1, 1 + c * (count + WARM_UP), count + WARM_UP);
		for (int i = 0; i < WARM_UP; i++)
		{
			client_ask(&clients[c], anywhere);
			client_report(&clients[c]);
		}
	}
	if (client_count > 1)
		rate = rate_together(clients, client_count, anywhere, count);
	else
	{
		for (int p = 0; p < processors_count(); p++)
			rate += rate_together(clients, 1, place_of(p, false), count / processors_count()) /
					processors_count();
	}
	for (int c = 0; c < client_count; c++)
		client_end(&clients[c]);
	printf("%.1f\n", rate);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool apart = strcmp(mode, "turns-apart") == 0;
	int count = argc > 2 ? atoi(argv[2]) : 0;

	if (argc >= 4 && count > 0 && argc - 3 <= MAX_CLIENTS && (apart || strcmp(mode, "turns") == 0))
		take_turns(count, apart, argv + 3, argc - 3);
	else if (argc == 5 && count > 0 && strcmp(mode, "together") == 0 && atoi(argv[4]) > 0 &&
			 atoi(argv[4]) <= MAX_CLIENTS)
		run_together(count, argv[3], atoi(argv[4]));
	else if (argc == 2 && strcmp(mode, "compute") == 0)
		printf("%.2f\n", processors_together());
	else
	{
		fprintf(stderr, "usage: clone_clients turns COUNT WAY…\n"
						"       clone_clients turns-apart COUNT WAY…\n"
						"       clone_clients together COUNT WAY CLIENTS\n"
						"       clone_clients compute\n");
		return 2;
	}
	return 0;
}
