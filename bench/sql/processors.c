/*
 * processors.c
 *		The processors that this program may use, and who runs on which.
 */
#define _GNU_SOURCE
#include "processors.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

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
