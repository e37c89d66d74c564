/*
 * measure.c
 *		measure COMMAND…: runs it and prints one line: wall seconds, user seconds, system seconds,
 *		largest resident set in KiB.  The command's standard output is thrown away.  Exits as it does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(const struct timeval *t)
{
	return (double) t->tv_sec + (double) t->tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct timespec begin;
	struct timespec end;
	struct rusage usage;
	int status;
	pid_t pid;

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
