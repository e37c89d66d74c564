/*
 * options.h
 *		The command line of copy, measure, map and verify.
 */
#ifndef COPY_OPTIONS_H
#define COPY_OPTIONS_H

#include "contract/copier_protocol.h"
#include "copy/chain/chain.h"
#include "copy/base/control.h"
#include "copy/base/progress.h"

enum io_mode
{
	IO_AUTO,
	IO_DIRECT,
	IO_BUFFERED
};

struct options
{
	struct layer_option layers[COPIER_MAX_LAYERS];
	int layer_count;
	enum image_format output_format;
	const char *output_path; /* NULL = not given */
	bool has_format;         /* --format of measure */
	bool has_size;
	uint64_t size; /* bytes */
	bool preallocate;
	uint32_t version;      /* qcow2: 2 = compat 0.10, 3 = 1.1 */
	uint32_t cluster_bits; /* qcow2 */
	int threads;           /* 0 = chosen */
	uint64_t limit;        /* bytes/s, 0 = none */
	enum io_mode io;
	bool no_reflink;
	bool keep_zeroes;
	const char *resume_path;
	uint64_t claim;       /* 0 = not given */
	uint64_t since_claim; /* 0 = not given */
	bool verify;
	bool force_share;
	bool keep_lock;
	bool keep_record;
	bool control; /* control lines are read from stdin */
	bool svg;     /* map draws a picture */
	enum progress_style progress;
};

/* Where the data of the layers comes from, as --io says. */
extern enum data_source options_data_source(const struct options *options);

/* What a subcommand takes. */
enum option_set
{
	OPTIONS_COPY,
	OPTIONS_MEASURE,
	OPTIONS_MAP,
	OPTIONS_VERIFY
};

/*
 * Parses argv[1] and on (argv[0] = the subcommand) and opens the --root directories.  Returns 0, or -1
 * after report_error().
 */
extern int options_parse(struct options *options, enum option_set set, int argc, char **argv);

/* To whom a run with these options listens. */
extern enum control_mode options_control_mode(const struct options *options);

#endif
