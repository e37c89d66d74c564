/*
 * processors.c
 *		The processors that this program may use, and who runs on which.
 *
 * A virtual machine's processors may differ by half for minutes.
 */
#define _GNU_SOURCE
#include "processors.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define MAX_PROCESSORS 64

static int numbers[MAX_PROCESSORS];
static int count;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

int
processors_count(void)
{
	cpu_set_t set;

	if (count > 0)
		return count;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		fail("sched_getaffinity");
	for (int number = 0; number < CPU_SETSIZE && count < MAX_PROCESSORS; number++)
	{
		if (CPU_ISSET(number, &set))
			numbers[count++] = number;
	}
	return count;
}

int
processors_number(int index)
{
	return numbers[index % processors_count()];
}

void
processors_move(int process, int number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (sched_setaffinity(process, sizeof(set), &set) != 0)
		fail("sched_setaffinity");
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *) a;
	double right = *(const double *) b;

	return (left > right) - (left < right);
}

/* Sorts for a second; how often. */
static double
sort_rate(void)
{
	static double values[1 << 15];
	const int value_count = sizeof(values) / sizeof(values[0]);
	double start = clock_now();
	int sorted = 0;

	srandom(1);
	while (clock_now() - start < 1000)
	{
		for (int i = 0; i < value_count; i++)
			values[i] = random();
		qsort(values, value_count, sizeof(double), compare);
		sorted++;
	}
	return sorted / (clock_now() - start);
}

/* A process that writes its rate on that processor. */
static int
start_sorter(int number, int to)
{
	int child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0)
	{
		double rate;

		processors_move(0, number);
		rate = sort_rate();
		exit(write(to, &rate, sizeof(rate)) == sizeof(rate) ? 0 : 1);
	}
	return child;
}

static double
read_rates(int from)
{
	double sum = 0;

	for (int p = 0; p < processors_count(); p++)
	{
		double rate;

		if (read(from, &rate, sizeof(rate)) != sizeof(rate))
			fail("read");
		sum += rate;
	}
	return sum;
}

double
processors_together(void)
{
	int rates[2];
	double alone;

	if (pipe(rates) != 0)
		fail("pipe");
	for (int p = 0; p < processors_count(); p++)
	{
		int child = start_sorter(processors_number(p), rates[1]);

		if (waitpid(child, NULL, 0) != child)
			fail("waitpid");
	}
	alone = read_rates(rates[0]);
	for (int p = 0; p < processors_count(); p++)
		start_sorter(processors_number(p), rates[1]);
	return read_rates(rates[0]) * processors_count() / alone;
}
