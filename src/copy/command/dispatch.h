/*
 * dispatch.h
 *		A command line's subcommand, and what stands before it.
 */
#ifndef COPY_DISPATCH_H
#define COPY_DISPATCH_H

#include <stdint.h>

/*
 * Does what argv[1] and on say; the result is the exit code.  A lease counts from "clock" (lease.h) where they don't say
 * from when on.
 */
extern int dispatch(int argc, char **argv, uint64_t clock);

/* The text of --help. */
extern void dispatch_help(void);

#endif
