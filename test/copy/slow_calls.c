/*
 * slow_calls.c
 *		LD_PRELOAD: calls that change files wait before they are made, so that a test can stop a program right there.
 *
 * SLOW_CALLS="renameat2=700 unlinkat=700": milliseconds by name.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

static void
wait_before(const char *name)
{
	const char *rest = getenv("SLOW_CALLS");
	size_t length = strlen(name);

	while (rest != NULL)
	{
		if (strncmp(rest, name, length) == 0 && rest[length] == '=')
		{
			long ms = strtol(rest + length + 1, NULL, 10);
			struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

			while (nanosleep(&left, &left) != 0)
				continue;
			return;
		}
		rest = strchr(rest, ' ');
		if (rest != NULL)
			rest++;
	}
}

/* Found before main(): afterwards a sandbox may be in the way. */
#define SLOW(result, name, parameters, arguments)                                                  \
	static result(*real_##name) parameters;                                                        \
	extern result name parameters;                                                                 \
	__attribute__((constructor)) static void find_##name(void)                                     \
	{                                                                                              \
		*(void **) &real_##name = dlsym(RTLD_NEXT, #name);                                         \
	}                                                                                              \
	result name parameters                                                                         \
	{                                                                                              \
		wait_before(#name);                                                                        \
		return real_##name arguments;                                                              \
	}

SLOW(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
SLOW(int, renameat, (int from, const char *name, int to, const char *other),
	 (from, name, to, other))
SLOW(int, renameat2, (int from, const char *name, int to, const char *other, unsigned flags),
	 (from, name, to, other, flags))
SLOW(int, unlinkat, (int directory, const char *name, int flags), (directory, name, flags))
