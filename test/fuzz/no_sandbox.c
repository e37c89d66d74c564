/*
 * no_sandbox.c
 *		In place of src/copy/base/sandbox.c: the fuzzer's own process must go on after a copy.
 */
#include <limits.h>

#include "copy/base/sandbox.h"

void
sandbox_prepare(bool supervised)
{
	(void) supervised;
}

int
sandbox_enter(void)
{
	return 0;
}

void
sandbox_limit_file_size(uint64_t bytes)
{
	(void) bytes;
}

void
sandbox_probe(void)
{
}

int
sandbox_descriptors_left(int fd)
{
	return INT_MAX - fd;
}
