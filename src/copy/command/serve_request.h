/*
 * serve_request.h
 *		What another machine asks serve to do, read from a descriptor.
 */
#ifndef COPY_SERVE_REQUEST_H
#define COPY_SERVE_REQUEST_H

#include "copy/base/common.h"

struct request
{
	int argc;    /* 0 = the descriptor ended before the first byte */
	char **argv; /* argv[1] and on are the request's arguments; NULL behind them */
	char *bytes; /* what they point to, one behind the other */
};

/*
 * Reads a request and not a byte behind it, for at most so many ms.  "argv0" becomes argv[0].  Returns 0, or -1 after
 * report_error().
 */
extern int request_read(int fd, char *argv0, uint64_t patience, struct request *request);

extern void request_free(struct request *request);

#endif
