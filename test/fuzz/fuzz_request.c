/*
 * fuzz_request.c
 *		The input is what another machine sends to serve.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "copy/base/report.h"
#include "copy/command/serve_request.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define MAX_HEAD 96

/* The number that ends before "end", which moves to the blank before it; -1 = there is none. */
static long
number_before(const char *head, size_t *end)
{
	char digits[12] = {0};
	size_t from = *end;

	while (from > 0 && head[from - 1] >= '0' && head[from - 1] <= '9')
		from--;
	if (from == *end || *end - from > 9 || from == 0 || head[from - 1] != ' ')
		return -1;
	memcpy(digits, head + from, *end - from);
	*end = from - 1;
	return strtol(digits, NULL, 10);
}

/* Bytes of the request at the beginning of the input, 0 = there is none; its count. */
static size_t
measure(const uint8_t *input, size_t size, long *count)
{
	const uint8_t *newline = memchr(input, '\n', size < MAX_HEAD ? size : MAX_HEAD);
	size_t head = newline == NULL ? 0 : (size_t) (newline - input);
	size_t end = head;
	long nuls = 0;
	long bytes = number_before((const char *) input, &end);

	*count = bytes < 0 ? -1 : number_before((const char *) input, &end);
	if (*count < 1 || *count > COPIER_MAX_REQUEST_ARGUMENTS || bytes < *count ||
		bytes > COPIER_MAX_REQUEST_BYTES ||
		number_before((const char *) input, &end) != COPIER_PROTOCOL ||
		end != strlen(COPIER_REQUEST) || memcmp(input, COPIER_REQUEST, end) != 0 ||
		(size_t) bytes > size - head - 1 || input[head + (size_t) bytes] != 0)
		return 0;
	for (size_t i = head + 1; i <= head + (size_t) bytes; i++)
		nuls += input[i] == 0;
	return nuls == *count ? head + 1 + (size_t) bytes : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct request request;
	static char argv0[] = "vmclone-copy";
	long count;
	size_t length = size == 0 ? 0 : measure(input, size, &count);
	int fd = memfd_create("request", MFD_CLOEXEC);
	size_t at;
	int result;

	if (fd < 0 || write(fd, input, size) != (ssize_t) size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	report_reset();
	result = request_read(fd, argv0, 10000, &request);
	if (result != 0)
	{
		/* refused, for a reason, and it was none */
		if (!report_is_set() || length != 0)
			abort();
		close(fd);
		return 0;
	}
	if (request.argc == 0)
	{
		if (size != 0)
			abort();
		close(fd);
		return 0;
	}
	if (length == 0 || request.argc != count + 1 || request.argv[request.argc] != NULL ||
		lseek(fd, 0, SEEK_CUR) != (off_t) length)
		abort();
	at = length;
	for (int i = request.argc - 1; i > 0; i--)
	{
		at -= strlen(request.argv[i]) + 1;
		if (memcmp(input + at, request.argv[i], strlen(request.argv[i]) + 1) != 0)
			abort();
	}
	if (input[at - 1] != '\n')
		abort();
	request_free(&request);
	close(fd);
	return 0;
}
