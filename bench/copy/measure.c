/*
 * measure.c
 *		measure [-w MIB] COMMAND…: runs it and prints one line: wall seconds, user seconds, system
 *		seconds, largest resident set in KiB.  The command's standard output is thrown away.  Exits as it
 *		does.
 *
 * "-w" first writes to so much memory and gives it back.  In a virtual machine the hypervisor may take
 * free memory away after some seconds, and who gets it next waits ten times as long for each page: that
 * would measure who ran before.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(const struct timeval *t)
{
	return (double) t->tv_sec + (double) t->tv_usec / 1e6;
}

static void
warm(size_t mib)
{
	size_t bytes = mib << 20;
	unsigned char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
	{
		perror("measure: mmap");
		exit(2);
	}
	madvise(memory, bytes, MADV_HUGEPAGE);
	memset(memory, 1, bytes);
	munmap(memory, bytes);
}

int
main(int argc, char **argv)
{
	struct timespec begin;
	struct timespec end;
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc > 3 && strcmp(argv[1], "-w") == 0)
	{
		warm(strtoul(argv[2], NULL, 10));
		argc -= 2;
		argv += 2;
	}
	if (argc < 2)
		return 2;
	if (clock_gettime(CLOCK_MONOTONIC, &begin) != 0)
		return 2;
	pid = fork();
	if (pid < 0)
	{
		perror("measure: fork");
		return 2;
	}
	if (pid == 0)
	{
		int null = open("/dev/null", O_WRONLY);

		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(127);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid || clock_gettime(CLOCK_MONOTONIC, &end) != 0)
	{
		perror("measure: wait4");
		return 2;
	}
	printf("%.6f %.3f %.3f %ld\n",
		   (double) (end.tv_sec - begin.tv_sec) + (double) (end.tv_nsec - begin.tv_nsec) / 1e9,
		   seconds(&usage.ru_utime), seconds(&usage.ru_stime), usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
