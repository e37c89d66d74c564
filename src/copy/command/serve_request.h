/*
 * serve_request.h
 *		What another machine asks serve to do, read from a descriptor.
 */
#ifndef COPY_SERVE_REQUEST_H
#define COPY_SERVE_REQUEST_H

#include "copy/base/common.h"

struct request
{
	int argc; /* 0 = the descriptor ended before the first byte */
	char **
		argv; /* argv[1] and on are the request's arguments; NULL behind them; in one piece of memory */
};

/*
 * Reads a request and not a byte behind it, for at most so many ms.  "argv0" becomes argv[0].  Returns 0, or -1 after
 * report_error().  What it allocates stays until the program ends.
 */
extern int request_read(int fd, char *argv0, uint64_t patience, struct request *request);

#endif
