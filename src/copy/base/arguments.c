/*
 * arguments.c
 *		The command line of every subcommand.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "copy/base/arguments.h"
#include "copy/base/report.h"

/* Codes of getopt_long() are places in the table, from 1. */
static int
make_options(const struct argument *table, struct option options[MAX_ARGUMENTS + 1])
{
	int count = 0;

	memset(options, 0, (MAX_ARGUMENTS + 1) * sizeof(options[0]));
	for (; count < MAX_ARGUMENTS && table[count].name != NULL; count++)
	{
		options[count].name = table[count].name;
		options[count].has_arg = table[count].has_value ? required_argument : no_argument;
		options[count].val = count + 1;
	}
	return count;
}

/* What getopt_long() took for no option of ours; "argument" is the last one that it looked at. */
static int
refuse_option(int code, int count, const char *argument)
{
	char letter[3] = {'-', (char) optopt, '\0'};
	const char *what = "unknown option";
	const char *advice = "; see vmclone-copy --help";

	if (code == ':' || (optopt != 0 && optopt <= count))
	{
		what = "option";
		advice = code == ':' ? " needs a value" : " takes no value";
	}
	else if (optopt != 0)
		argument = letter; /* one of several in an argument: "-xyz" */
	return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET, "%s \"%.200s\"%s", what,
						argument, advice);
}

static int
check_option(const struct argument *argument, unsigned subcommand, const char *command, bool given)
{
	if ((argument->taken & subcommand) == 0)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"option \"--%s\" does not belong to \"%.40s\"; see vmclone-copy --help",
							argument->name, command);
	if (given && argument->once)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"--%s can be given only once", argument->name);
	return 0;
}

static int
check_required(const struct argument *table, unsigned subcommand, const char *command,
			   const bool *given)
{
	for (int i = 0; table[i].name != NULL; i++)
	{
		if ((table[i].required & subcommand) != 0 && !given[i])
			return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
								"\"%.40s\" needs --%s; see vmclone-copy --help", command,
								table[i].name);
	}
	return 0;
}

int
arguments_parse(const struct argument *table, unsigned subcommand, const char *command, int argc,
				char **argv, argument_taker take, void *context)
{
	struct option options[MAX_ARGUMENTS + 1];
	bool given[MAX_ARGUMENTS] = {0};
	int count = make_options(table, options);
	int code;

	opterr = 0;
	optind = 0; /* begin anew, whatever was parsed before */
	while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1)
	{
		const struct argument *argument;

		if (code == '?' || code == ':')
			return refuse_option(code, count, argv[optind - 1]);
		argument = &table[code - 1];
		if (check_option(argument, subcommand, command, given[code - 1]) != 0)
			return -1;
		given[code - 1] = true;
		if (take(context, argument->name, optarg) != 0)
			return -1;
	}
	if (optind < argc)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"unexpected argument \"%.200s\"", argv[optind]);
	return check_required(table, subcommand, command, given);
}

bool
arguments_number(const char *text, int base, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, base) : 0;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}
