/*
 * dispatch.h
 *		A command line's subcommand, and what stands before it.
 */
#ifndef COPY_DISPATCH_H
#define COPY_DISPATCH_H

/* Does what argv[1] and on say; the result is the exit code. */
extern int dispatch(int argc, char **argv);

/* The text of --help. */
extern void dispatch_help(void);

#endif
