/*
 * options.c
 *		The command line of copy, measure, map and verify.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "copy/command/options.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"

enum option_code
{
	OPTION_LAYER = 1,
	OPTION_OUTPUT,
	OPTION_FORMAT,
	OPTION_SIZE,
	OPTION_PREALLOCATE,
	OPTION_COMPAT,
	OPTION_CLUSTER_SIZE,
	OPTION_THREADS,
	OPTION_LIMIT,
	OPTION_IO,
	OPTION_NO_REFLINK,
	OPTION_KEEP_ZEROES,
	OPTION_RESUME,
	OPTION_VERIFY,
	OPTION_BACKING_NAME,
	OPTION_FORCE_SHARE,
	OPTION_PROGRESS,
	OPTION_ROOT,
	OPTION_KEEP_LOCK,
	OPTION_KEEP_RECORD
};

#define MAX_THREADS 64

#define SET(which) (1u << (which))
#define SET_ALL    (SET(OPTIONS_COPY) | SET(OPTIONS_MEASURE) | SET(OPTIONS_MAP) | SET(OPTIONS_VERIFY))
#define SET_RESULT (SET(OPTIONS_COPY) | SET(OPTIONS_MEASURE))

static const struct option long_options[] = {
	{"layer", required_argument, NULL, OPTION_LAYER},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"size", required_argument, NULL, OPTION_SIZE},
	{"preallocate", no_argument, NULL, OPTION_PREALLOCATE},
	{"compat", required_argument, NULL, OPTION_COMPAT},
	{"cluster-size", required_argument, NULL, OPTION_CLUSTER_SIZE},
	{"threads", required_argument, NULL, OPTION_THREADS},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{"io", required_argument, NULL, OPTION_IO},
	{"no-reflink", no_argument, NULL, OPTION_NO_REFLINK},
	{"keep-zeroes", no_argument, NULL, OPTION_KEEP_ZEROES},
	{"resume", required_argument, NULL, OPTION_RESUME},
	{"verify", no_argument, NULL, OPTION_VERIFY},
	{"backing-name", required_argument, NULL, OPTION_BACKING_NAME},
	{"force-share", no_argument, NULL, OPTION_FORCE_SHARE},
	{"progress", required_argument, NULL, OPTION_PROGRESS},
	{"root", required_argument, NULL, OPTION_ROOT},
	{"keep-lock", no_argument, NULL, OPTION_KEEP_LOCK},
	{"keep-record", no_argument, NULL, OPTION_KEEP_RECORD},
	{NULL, 0, NULL, 0}};

/* Which subcommands take the option. */
static const unsigned option_sets[] = {
	[OPTION_LAYER] = SET_ALL,
	[OPTION_OUTPUT] = SET(OPTIONS_COPY) | SET(OPTIONS_VERIFY),
	[OPTION_FORMAT] = SET(OPTIONS_MEASURE),
	[OPTION_SIZE] = SET_RESULT | SET(OPTIONS_VERIFY),
	[OPTION_PREALLOCATE] = SET_RESULT,
	[OPTION_COMPAT] = SET_RESULT,
	[OPTION_CLUSTER_SIZE] = SET_RESULT,
	[OPTION_THREADS] = SET(OPTIONS_COPY) | SET(OPTIONS_VERIFY),
	[OPTION_LIMIT] = SET(OPTIONS_COPY),
	[OPTION_IO] = SET(OPTIONS_COPY) | SET(OPTIONS_VERIFY),
	[OPTION_NO_REFLINK] = SET(OPTIONS_COPY),
	[OPTION_KEEP_ZEROES] = SET(OPTIONS_COPY),
	[OPTION_RESUME] = SET(OPTIONS_COPY),
	[OPTION_VERIFY] = SET(OPTIONS_COPY),
	[OPTION_BACKING_NAME] = SET_ALL,
	[OPTION_FORCE_SHARE] = SET_ALL,
	[OPTION_PROGRESS] = SET(OPTIONS_COPY) | SET(OPTIONS_VERIFY),
	[OPTION_ROOT] = SET_ALL,
	[OPTION_KEEP_LOCK] = SET(OPTIONS_COPY),
	[OPTION_KEEP_RECORD] = SET(OPTIONS_COPY),
};

static const char *
option_name(int code)
{
	for (const struct option *option = long_options; option->name != NULL; option++)
	{
		if (option->val == code)
			return option->name;
	}
	return "?";
}

static int
usage_error(const char *option, const char *value, const char *expected)
{
	return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
						"--%s \"%.200s\" is not valid, expected %s", option, value, expected);
}

static int
parse_format(const char *option, const char *value, size_t length, const char *whole,
			 enum image_format *format)
{
	if (length == 3 && strncmp(value, "raw", 3) == 0)
		*format = FORMAT_RAW;
	else if (length == 5 && strncmp(value, "qcow2", 5) == 0)
		*format = FORMAT_QCOW2;
	else
		return usage_error(option, whole, "format raw or qcow2");
	return 0;
}

/* "FORMAT:PATH"; the path may contain colons. */
static int
parse_image(const char *option, const char *value, enum image_format *format, const char **path)
{
	const char *colon = strchr(value, ':');

	if (colon == NULL || colon[1] == '\0')
		return usage_error(option, value, "raw:PATH or qcow2:PATH");
	*path = colon + 1;
	return parse_format(option, value, (size_t) (colon - value), value, format);
}

/* Decimal bytes, with K, M, G or T for powers of 1024. */
static int
parse_bytes(const char *option, const char *value, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno != 0 || end == value || *value < '0' || *value > '9')
		return usage_error(option, value, "a number of bytes such as 1048576 or 1M");
	if (*end != '\0')
	{
		const char *unit = strchr(units, *end);
		unsigned shift;

		if (unit == NULL || end[1] != '\0')
			return usage_error(option, value, "a number of bytes such as 1048576 or 1M");
		shift = 10 * (unsigned) (unit - units + 1);
		if (number > UINT64_MAX >> shift)
			return usage_error(option, value, "a number of bytes that fits 64 bits");
		number <<= shift;
	}
	*bytes = number;
	return 0;
}

static int
parse_threads(struct options *options, const char *value)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end != '\0' || number < 1 || number > MAX_THREADS)
		return usage_error("threads", value, "a number from 1 to 64");
	options->threads = (int) number;
	return 0;
}

static int
parse_cluster_size(struct options *options, const char *value)
{
	uint64_t bytes;

	if (parse_bytes("cluster-size", value, &bytes) != 0)
		return -1;
	if (!is_power_of_two(bytes) || bytes < UINT64_C(1) << QCOW2_MIN_CLUSTER_BITS ||
		bytes > UINT64_C(1) << QCOW2_MAX_CLUSTER_BITS)
		return usage_error("cluster-size", value, "a power of two from 512 to 2097152");
	options->cluster_bits = (uint32_t) __builtin_ctzll(bytes);
	return 0;
}

static int
parse_layer(struct options *options, const char *value)
{
	struct layer_option *layer;

	if (options->layer_count >= MAX_LAYERS)
		return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"at most %d layers can be given", MAX_LAYERS);
	layer = &options->layers[options->layer_count++];
	return parse_image("layer", value, &layer->format, &layer->path);
}

static int
parse_choice(struct options *options, int code, const char *value)
{
	switch (code)
	{
		case OPTION_COMPAT:
			if (strcmp(value, "0.10") == 0)
				options->version = 2;
			else if (strcmp(value, "1.1") == 0)
				options->version = 3;
			else
				return usage_error("compat", value, "0.10 or 1.1");
			return 0;
		case OPTION_IO:
			if (strcmp(value, "auto") == 0)
				options->io = IO_AUTO;
			else if (strcmp(value, "direct") == 0)
				options->io = IO_DIRECT;
			else if (strcmp(value, "buffered") == 0)
				options->io = IO_BUFFERED;
			else
				return usage_error("io", value, "auto, direct or buffered");
			return 0;
		default:
			if (strcmp(value, "none") == 0)
				options->progress = PROGRESS_NONE;
			else if (strcmp(value, "bar") == 0)
				options->progress = PROGRESS_BAR;
			else if (strcmp(value, "json") == 0)
				options->progress = PROGRESS_JSON;
			else
				return usage_error("progress", value, "none, bar or json");
			return 0;
	}
}

static int
parse_option(struct options *options, int code, const char *value)
{
	switch (code)
	{
		case OPTION_LAYER:
			return parse_layer(options, value);
		case OPTION_BACKING_NAME:
			if (options->layer_count == 0)
				return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
									"--backing-name belongs behind the --layer it speaks about");
			options->layers[options->layer_count - 1].backing_name = value;
			return 0;
		case OPTION_OUTPUT:
			if (options->output_path != NULL)
				return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
									"--output can be given only once");
			return parse_image("output", value, &options->output_format, &options->output_path);
		case OPTION_FORMAT:
			options->has_format = true;
			return parse_format("format", value, strlen(value), value, &options->output_format);
		case OPTION_SIZE:
			options->has_size = true;
			if (parse_bytes("size", value, &options->size) != 0)
				return -1;
			if (!is_aligned(options->size, SECTOR_SIZE) || options->size > INT64_MAX - SECTOR_SIZE)
				return usage_error("size", value, "a multiple of 512 up to 2^63 - 1024");
			return 0;
		case OPTION_CLUSTER_SIZE:
			return parse_cluster_size(options, value);
		case OPTION_THREADS:
			return parse_threads(options, value);
		case OPTION_LIMIT:
			return parse_bytes("limit", value, &options->limit);
		case OPTION_PREALLOCATE:
			options->preallocate = true;
			return 0;
		case OPTION_NO_REFLINK:
			options->no_reflink = true;
			return 0;
		case OPTION_KEEP_ZEROES:
			options->keep_zeroes = true;
			return 0;
		case OPTION_RESUME:
			options->resume_path = value;
			return 0;
		case OPTION_VERIFY:
			options->verify = true;
			return 0;
		case OPTION_FORCE_SHARE:
			options->force_share = true;
			return 0;
		case OPTION_KEEP_LOCK:
			options->keep_lock = true;
			return 0;
		case OPTION_KEEP_RECORD:
			options->keep_record = true;
			return 0;
		case OPTION_ROOT:
			return root_add(value);
		default:
			return parse_choice(options, code, value);
	}
}

static int
check_options(const struct options *options, enum option_set set)
{
	/* a copy of no layer is an empty image */
	if (options->layer_count == 0 && !(set == OPTIONS_COPY && options->has_size))
		return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"give at least one --layer FORMAT:PATH, the first snapshot first%s",
							set == OPTIONS_COPY ? ", or --size for an empty image" : "");
	if ((set == OPTIONS_COPY || set == OPTIONS_VERIFY) && options->output_path == NULL)
		return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"give --output FORMAT:PATH");
	if (set == OPTIONS_MEASURE && !options->has_format)
		return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"give --format raw or --format qcow2");
	if (options->resume_path != NULL && strcmp(options->resume_path, options->output_path) == 0)
		return report_error(REPORT_USAGE, 0, NO_LAYER, options->resume_path, NO_OFFSET,
							"the record of --resume needs a file of its own");
	if (options->preallocate && options->output_format != FORMAT_RAW)
		return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"--preallocate is for raw output only");
	return 0;
}

/* What getopt_long() took for no option of ours; "argument" is the last one that it looked at. */
static int
refuse_option(int code, const char *argument)
{
	char letter[3] = {'-', (char) optopt, '\0'};
	const char *what = "unknown option";
	const char *advice = "; see vmclone-copy --help";

	if (code == ':' || (optopt != 0 && optopt <= OPTION_KEEP_RECORD))
	{
		what = "option";
		advice = code == ':' ? " needs a value" : " takes no value";
	}
	else if (optopt != 0)
		argument = letter; /* one of several in an argument: "-xyz" */
	return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET, "%s \"%.200s\"%s", what,
						argument, advice);
}

int
options_parse(struct options *options, enum option_set set, int argc, char **argv)
{
	int code;

	memset(options, 0, sizeof(*options));
	options->version = 3;
	options->cluster_bits = 16;
	opterr = 0;
	optind = 1;
	while ((code = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
	{
		if (code == '?' || code == ':')
			return refuse_option(code, argv[optind - 1]);
		if ((option_sets[code] & SET(set)) == 0)
			return report_error(
				REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
				"option \"--%s\" does not belong to \"%.20s\"; see vmclone-copy --help",
				option_name(code), argv[0]);
		if (parse_option(options, code, optarg) != 0)
			return -1;
	}
	if (optind < argc)
		return report_error(REPORT_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"unexpected argument \"%.200s\"", argv[optind]);
	return check_options(options, set);
}
