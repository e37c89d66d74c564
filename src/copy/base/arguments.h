/*
 * arguments.h
 *		The command line of every subcommand: options with getopt_long(), checked against one table.
 */
#ifndef COPY_ARGUMENTS_H
#define COPY_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* One option, "--name VALUE" or "--name". */
struct argument
{
	const char *name; /* NULL ends a table */
	bool has_value;
	bool once;         /* a second one is an error; else the last one counts, or all do */
	unsigned taken;    /* bits of the subcommands that take it */
	unsigned required; /* of those that can't do without */
};

/* At most so many options in a table. */
#define MAX_ARGUMENTS 64

/* Takes the value (NULL without one; it may be changed in place) of an option.  0, or -1 after report_error(). */
typedef int (*argument_taker)(void *context, const char *name, char *value);

/*
 * Parses argv[1] and on for the subcommand of that bit, which messages call "command".  0, or -1 after
 * report_error() of kind usage, or whatever "take" reported.
 */
extern int arguments_parse(const struct argument *table, unsigned subcommand, const char *command,
						   int argc, char **argv, argument_taker take, void *context);

/* A number to that base: digits, and nothing else around them.  False where it is none, or beyond 64 bits. */
extern bool arguments_number(const char *text, int base, uint64_t *number);

#endif
