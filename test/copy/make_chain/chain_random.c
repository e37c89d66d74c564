/*
 * chain_random.c
 *		Random numbers that a seed repeats; memory, errors, writing.
 */
#include "make_chain.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t random_state;

uint64_t
random_u64(void)
{
	uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
below(uint64_t limit)
{
	return limit == 0 ? 0 : random_u64() % limit;
}

bool
percent(unsigned int probability)
{
	return below(100) < probability;
}

void
die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("make_chain: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

void *
allocate(size_t count, size_t size)
{
	void *pointer = calloc(count + 1, size);

	if (pointer == NULL)
		die("out of memory");
	return pointer;
}

void
write_at(int fd, const void *data, size_t length, uint64_t offset)
{
	const char *bytes = data;

	while (length > 0)
	{
		ssize_t n = pwrite(fd, bytes, length, (off_t) offset);

		if (n <= 0)
			die("could not write: %s", strerror(errno));
		bytes += n;
		length -= (size_t) n;
		offset += (uint64_t) n;
	}
}

uint64_t
divide_up(uint64_t value, uint64_t by)
{
	return (value + by - 1) / by;
}

void
put32(unsigned char *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, 4);
}

void
put64(unsigned char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, 8);
}
