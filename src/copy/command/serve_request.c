/*
 * serve_request.c
 *		What another machine asks serve to do, read from a descriptor.
 *
 * Arguments are data here, from a program that may be anybody's: counted before, bounded, and no shell sees them.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy/base/report.h"
#include "copy/base/throttle.h"
#include "copy/command/serve_request.h"

/* The word and three numbers. */
#define MAX_LINE 96

static int
refuse(const char *why)
{
	return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET, "not a request: %s", why);
}

/* Exactly that many bytes, until the time is over.  How many came before the end, or -1 after report_error(). */
static ssize_t
read_bytes(int fd, char *bytes, size_t size, uint64_t until)
{
	size_t length = 0;

	while (length < size)
	{
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now = monotonic_now();
		ssize_t got;

		if (now >= until)
			return refuse("it did not come in time");
		if (poll(&ready, 1, (int) min_u64((until - now) / 1000000 + 1, 1000)) == 0)
			continue;
		got = read(fd, bytes + length, size - length);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
								"could not read the request");
		if (got == 0)
			break;
		length += (size_t) got;
	}
	return (ssize_t) length;
}

/* The first line without its end; -1 after report_error(), 0 if nothing came. */
static ssize_t
read_line(int fd, char line[MAX_LINE], uint64_t until)
{
	for (size_t length = 0; length < MAX_LINE; length++)
	{
		/* what is behind the line's end may be somebody else's */
		ssize_t got = read_bytes(fd, line + length, 1, until);

		if (got < 0 || (got == 0 && length == 0))
			return got;
		if (got == 0)
			return refuse("it ends in its first line");
		if (line[length] == '\n')
		{
			line[length] = '\0';
			/* what isn't looked at behind a NUL would be taken for right */
			return length > 0 && strlen(line) == length
					   ? (ssize_t) length
					   : refuse("its first line is empty or no text");
		}
	}
	return refuse("its first line is too long");
}

/* A blank and a number of at most 9 digits at *at, which moves behind it. */
static bool
take_number(const char **at, uint64_t *number)
{
	const char *digit = *at + 1;

	if (**at != ' ' || *digit < '0' || *digit > '9')
		return false;
	for (*number = 0; *digit >= '0' && *digit <= '9'; digit++)
	{
		if (digit - *at > 9)
			return false;
		*number = *number * 10 + (uint64_t) (*digit - '0');
	}
	*at = digit;
	return true;
}

static int
parse_line(const char *line, uint64_t *count, uint64_t *bytes)
{
	const char *at = line + strlen(COPIER_REQUEST);
	uint64_t protocol;

	if (strncmp(line, COPIER_REQUEST, strlen(COPIER_REQUEST)) != 0 || !take_number(&at, &protocol))
		return refuse("it doesn't begin with \"" COPIER_REQUEST "\" and the protocol's number");
	if (protocol != COPIER_PROTOCOL)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"protocol %" PRIu64 " was asked for, and this vmclone-copy has %d; "
							"install the same version of it on both machines",
							protocol, COPIER_PROTOCOL);
	if (!take_number(&at, count) || !take_number(&at, bytes) || *at != '\0')
		return refuse("its first line has no number of arguments and bytes");
	if (*count < 1 || *count > COPIER_MAX_REQUEST_ARGUMENTS)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"not a request: %" PRIu64 " arguments, expected 1 to %d", *count,
							COPIER_MAX_REQUEST_ARGUMENTS);
	if (*bytes < *count || *bytes > COPIER_MAX_REQUEST_BYTES)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"not a request: %" PRIu64 " bytes for %" PRIu64
							" arguments, at most %d are taken",
							*bytes, *count, COPIER_MAX_REQUEST_BYTES);
	return 0;
}

/* Where each of exactly "count" arguments in the bytes begins. */
static int
split(char *bytes, size_t size, uint64_t count, char **argv)
{
	size_t at = 0;

	if (bytes[size - 1] != '\0')
		return refuse("its last argument has no end");
	for (uint64_t i = 0; i < count; i++)
	{
		if (at >= size)
			return refuse("it has fewer arguments than it says");
		argv[i] = bytes + at;
		at += strlen(argv[i]) + 1;
	}
	argv[count] = NULL;
	return at == size ? 0 : refuse("it has more arguments than it says");
}

static int
read_arguments(int fd, size_t size, uint64_t count, uint64_t until, struct request *request)
{
	ssize_t got;

	request->bytes = malloc(size);
	request->argv = calloc(count + 2, sizeof(char *));
	if (request->bytes == NULL || request->argv == NULL)
		return report_error(COPIER_IO, ENOMEM, NO_LAYER, NULL, NO_OFFSET,
							"could not remember the request");
	got = read_bytes(fd, request->bytes, size, until);
	if (got < 0)
		return -1;
	if ((size_t) got < size)
		return refuse("it ends too early");
	return split(request->bytes, size, count, request->argv + 1);
}

int
request_read(int fd, char *argv0, uint64_t patience, struct request *request)
{
	uint64_t until = monotonic_now() + patience * 1000000;
	char line[MAX_LINE];
	uint64_t count;
	uint64_t size;
	ssize_t got = read_line(fd, line, until);

	memset(request, 0, sizeof(*request));
	if (got <= 0)
		return (int) got;
	if (parse_line(line, &count, &size) != 0)
		return -1;
	if (read_arguments(fd, size, count, until, request) != 0)
	{
		request_free(request);
		return -1;
	}
	request->argv[0] = argv0;
	request->argc = (int) count + 1;
	return 0;
}

void
request_free(struct request *request)
{
	free(request->bytes);
	free(request->argv);
	memset(request, 0, sizeof(*request));
}
