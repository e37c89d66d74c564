/*
 * options.c
 *		The command line of copy, measure, map and verify.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "copy/base/arguments.h"
#include "copy/base/lease.h"
#include "copy/command/options.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"

/* Of a qcow2 result: compat 1.1, 64 KiB. */
#define DEFAULT_VERSION      3
#define DEFAULT_CLUSTER_BITS 16

#define COPY    (1u << OPTIONS_COPY)
#define MEASURE (1u << OPTIONS_MEASURE)
#define MAP     (1u << OPTIONS_MAP)
#define VERIFY  (1u << OPTIONS_VERIFY)
#define ALL     (COPY | MEASURE | MAP | VERIFY)

static const struct argument arguments[] = {
	{COPIER_OPTION_LAYER, true, false, ALL, 0},
	{COPIER_OPTION_OUTPUT, true, true, COPY | VERIFY, 0},
	{COPIER_OPTION_FORMAT, true, false, MEASURE, 0},
	{COPIER_OPTION_SIZE, true, false, COPY | MEASURE | VERIFY, 0},
	{COPIER_OPTION_PREALLOCATE, false, false, COPY | MEASURE, 0},
	{COPIER_OPTION_COMPAT, true, false, COPY | MEASURE, 0},
	{"cluster-size", true, false, COPY | MEASURE, 0},
	{COPIER_OPTION_THREADS, true, false, COPY, 0},
	{COPIER_OPTION_LIMIT, true, false, COPY, 0},
	{"io", true, false, COPY | VERIFY, 0},
	{"no-reflink", false, false, COPY, 0},
	{"keep-zeroes", false, false, COPY, 0},
	{COPIER_OPTION_RESUME, true, false, COPY, 0},
	{COPIER_OPTION_CLAIM, true, false, COPY, 0},
	{COPIER_OPTION_SINCE_CLAIM, true, false, COPY, 0},
	{COPIER_OPTION_VERIFY, false, false, COPY, 0},
	{COPIER_OPTION_BACKING_NAME, true, false, ALL, 0},
	{"force-share", false, false, ALL, 0},
	{COPIER_OPTION_PROGRESS, true, false, COPY | VERIFY, 0},
	{"control", false, false, COPY | VERIFY, 0},
	{"svg", false, false, MAP, 0},
	{COPIER_OPTION_ROOT, true, false, ALL, 0},
	{"keep-lock", false, false, COPY, 0},
	{COPIER_OPTION_KEEP_RECORD, false, false, COPY, 0},
	{NULL, false, false, 0, 0}};

static int
usage_error(const char *option, const char *value, const char *expected)
{
	return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
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

	if (*value < '0' || *value > '9' || *end != '\0' || number < 1 || number > COPIER_MAX_THREADS)
		return usage_error(COPIER_OPTION_THREADS, value, "a number from 1 to 64");
	options->threads = (int) number;
	return 0;
}

static int
parse_claim(const char *name, const char *value, uint64_t *claim)
{
	if (value[0] == '0' || !arguments_number(value, 10, claim))
		return usage_error(name, value, "a number from 1");
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

	if (options->layer_count >= COPIER_MAX_LAYERS)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"at most %d layers can be given", COPIER_MAX_LAYERS);
	layer = &options->layers[options->layer_count++];
	return parse_image(COPIER_OPTION_LAYER, value, &layer->format, &layer->path);
}

/* A value that is one of the words, which end with NULL; *choice becomes its place. */
static int
parse_word(const char *option, const char *value, const char *const *words, const char *expected,
		   int *choice)
{
	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(value, words[i]) == 0)
		{
			*choice = i;
			return 0;
		}
	}
	return usage_error(option, value, expected);
}

static int
parse_backing_name(struct options *options, const char *value)
{
	if (options->layer_count == 0)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"--backing-name belongs behind the --layer it speaks about");
	if (options->layer_count == 1)
		return report_error(
			COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
			"--backing-name has no effect on the first layer, which has no backing file");
	options->layers[options->layer_count - 1].backing_name = value;
	return 0;
}

static int
parse_size(struct options *options, const char *value)
{
	options->has_size = true;
	if (parse_bytes(COPIER_OPTION_SIZE, value, &options->size) != 0)
		return -1;
	if (!is_aligned(options->size, SECTOR_SIZE) || options->size > INT64_MAX - SECTOR_SIZE)
		return usage_error(COPIER_OPTION_SIZE, value, "a multiple of 512 up to 2^63 - 1024");
	return 0;
}

/* Options with a value. */
static int
take_value(struct options *options, const char *name, char *value)
{
	static const char *const compat_words[] = {COPIER_COMPAT_V2, COPIER_COMPAT_V3, NULL};
	static const char *const io_words[] = {"auto", "direct", "buffered", NULL};
	static const char *const progress_words[] = {"none", "bar", COPIER_PROGRESS_JSON, NULL};
	int choice = 0;
	int result;

	if (strcmp(name, COPIER_OPTION_LAYER) == 0)
		return parse_layer(options, value);
	if (strcmp(name, COPIER_OPTION_BACKING_NAME) == 0)
		return parse_backing_name(options, value);
	if (strcmp(name, COPIER_OPTION_OUTPUT) == 0)
		return parse_image(COPIER_OPTION_OUTPUT, value, &options->output_format,
						   &options->output_path);
	if (strcmp(name, COPIER_OPTION_FORMAT) == 0)
	{
		options->has_format = true;
		return parse_format(COPIER_OPTION_FORMAT, value, strlen(value), value,
							&options->output_format);
	}
	if (strcmp(name, COPIER_OPTION_SIZE) == 0)
		return parse_size(options, value);
	if (strcmp(name, "cluster-size") == 0)
		return parse_cluster_size(options, value);
	if (strcmp(name, COPIER_OPTION_THREADS) == 0)
		return parse_threads(options, value);
	if (strcmp(name, COPIER_OPTION_LIMIT) == 0)
		return parse_bytes(COPIER_OPTION_LIMIT, value, &options->limit);
	if (strcmp(name, COPIER_OPTION_CLAIM) == 0)
		return parse_claim(name, value, &options->claim);
	if (strcmp(name, COPIER_OPTION_SINCE_CLAIM) == 0)
		return parse_claim(name, value, &options->since_claim);
	if (strcmp(name, COPIER_OPTION_ROOT) == 0)
		return root_add(value);
	if (strcmp(name, COPIER_OPTION_COMPAT) == 0)
	{
		result = parse_word(name, value, compat_words, "0.10 or 1.1", &choice);
		options->version = choice == 0 ? 2 : 3;
		return result;
	}
	if (strcmp(name, "io") == 0)
	{
		result = parse_word(name, value, io_words, "auto, direct or buffered", &choice);
		options->io = (enum io_mode) choice;
		return result;
	}
	if (strcmp(name, COPIER_OPTION_PROGRESS) == 0)
	{
		result = parse_word(name, value, progress_words, "none, bar or json", &choice);
		options->progress = (enum progress_style) choice;
		return result;
	}
	options->resume_path = value; /* COPIER_OPTION_RESUME */
	return 0;
}

static int
take_option(void *context, const char *name, char *value)
{
	struct options *options = context;
	const struct
	{
		const char *name;
		bool *flag;
	} flags[] = {{COPIER_OPTION_PREALLOCATE, &options->preallocate},
				 {"no-reflink", &options->no_reflink},
				 {"keep-zeroes", &options->keep_zeroes},
				 {COPIER_OPTION_VERIFY, &options->verify},
				 {"force-share", &options->force_share},
				 {"keep-lock", &options->keep_lock},
				 {COPIER_OPTION_KEEP_RECORD, &options->keep_record},
				 {"control", &options->control},
				 {"svg", &options->svg}};

	if (value != NULL)
		return take_value(options, name, value);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
	{
		if (strcmp(name, flags[i].name) == 0)
			*flags[i].flag = true;
	}
	return 0;
}

static int
check_options(const struct options *options, enum option_set set)
{
	/* a copy of no layer is an empty image */
	if (options->layer_count == 0 && !(set == OPTIONS_COPY && options->has_size))
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"give at least one --layer FORMAT:PATH, the first snapshot first%s",
							set == OPTIONS_COPY ? ", or --size for an empty image" : "");
	if ((set == OPTIONS_COPY || set == OPTIONS_VERIFY) && options->output_path == NULL)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"give --output FORMAT:PATH");
	if (set == OPTIONS_MEASURE && !options->has_format)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"give --format raw or --format qcow2");
	if (options->resume_path != NULL && strcmp(options->resume_path, options->output_path) == 0)
		return report_error(COPIER_USAGE, 0, NO_LAYER, options->resume_path, NO_OFFSET,
							"the record of --resume needs a file of its own");
	return 0;
}

/* What somebody asks for is done, or refused: an option without effect is a mistake. */
static int
check_effects(const struct options *options)
{
	const struct
	{
		bool given;
		bool effective;
		const char *name;
		const char *where;
	} pairs[] = {
		{options->preallocate, options->output_format == FORMAT_RAW, COPIER_OPTION_PREALLOCATE,
		 "for raw output only"},
		{options->version != 0, options->output_format == FORMAT_QCOW2, COPIER_OPTION_COMPAT,
		 "for qcow2 output only"},
		{options->cluster_bits != 0, options->output_format == FORMAT_QCOW2, "cluster-size",
		 "for qcow2 output only"},
		{options->claim != 0, options->resume_path != NULL, COPIER_OPTION_CLAIM,
		 "only for --resume"},
		{options->since_claim != 0, options->claim != 0, COPIER_OPTION_SINCE_CLAIM,
		 "only for --claim"},
		{options->keep_record, options->resume_path != NULL, COPIER_OPTION_KEEP_RECORD,
		 "only for --resume"},
		{lease_is_on(), options->progress == PROGRESS_JSON, COPIER_OPTION_LEASE,
		 "only for --progress json"},
		{options->keep_lock, options_control_mode(options) != CONTROL_SIGNALS, "keep-lock",
		 "only for --control or --progress json"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
	{
		if (pairs[i].given && !pairs[i].effective)
			return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET, "--%s is %s",
								pairs[i].name, pairs[i].where);
	}
	return 0;
}

enum control_mode
options_control_mode(const struct options *options)
{
	/* a program that reads events is one that goes away some day */
	if (options->progress == PROGRESS_JSON)
		return CONTROL_PARENT;
	return options->control ? CONTROL_LINES : CONTROL_SIGNALS;
}

int
options_parse(struct options *options, enum option_set set, int argc, char **argv)
{
	memset(options, 0, sizeof(*options));
	if (arguments_parse(arguments, 1u << set, argv[0], argc, argv, take_option, options) != 0 ||
		check_options(options, set) != 0 || check_effects(options) != 0)
		return -1;
	if (options->version == 0)
		options->version = DEFAULT_VERSION;
	if (options->cluster_bits == 0)
		options->cluster_bits = DEFAULT_CLUSTER_BITS;
	return 0;
}

enum data_source
options_data_source(const struct options *options)
{
	switch (options->io)
	{
		case IO_BUFFERED:
			return FROM_PAGE_CACHE;
		case IO_DIRECT:
			return FROM_DEVICE;
		case IO_AUTO:
			break;
	}
	return FROM_CACHE_OR_DEVICE;
}
