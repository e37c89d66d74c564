/*
 * output.h
 *		The file or block device that is written.
 */
#ifndef COPY_OUTPUT_H
#define COPY_OUTPUT_H

#include <sys/stat.h>

#include "copy/chain/chain.h"

struct output
{
	const char *path;
	const char *name; /* last component */
	int directory_fd;
	int fd;                    /* buffered */
	int direct_fd;             /* O_DIRECT, or -1 */
	int verify_fd;             /* for reading back; -1 = not wanted */
	int verify_direct_fd;      /* O_DIRECT, or -1 */
	uint32_t direct_alignment; /* 0 without direct_fd */
	bool is_block_device;
	bool is_in_memory;    /* the page cache is all there is of it */
	bool huge_pages;      /* may be written by hugepage_write() */
	bool created;         /* by us: may be removed */
	bool skip_zero;       /* zero blocks need not be written: it is fresh and may have holes */
	uint64_t device_size; /* of a block device */
	dev_t device;
	ino_t inode;
	uint64_t device_identity; /* file_device_identity(); 0 for a file */
	uint64_t birth;           /* file_birth() */
};

struct resume;

/*
 * Creates the file, or opens an existing block device exclusively, and locks it exclusively (OFD) for
 * as long as it is open.  It must not be one of the layers.  An existing file is opened only if it is
 * the one that the resume record (NULL = none) speaks about.  A record learns which file it is before
 * the file has its name.  0, or -1 after report_error().
 */
extern int output_open(struct output *output, const char *path, const struct chain *chain,
					   struct resume *resume);

/* Opens a second descriptor for direct writes if the file has direct I/O. */
extern void output_open_direct(struct output *output);

/* Closes it again: all writes go through the page cache. */
extern void output_close_direct(struct output *output);

/*
 * Opens a third one for reading back, and with "direct" a fourth one for that past the page cache if the
 * file has direct I/O.  0, or -1 after report_error().
 */
extern int output_open_verify(struct output *output, bool direct);

/*
 * Sees to it that the first 4 KiB of a raw image in a file are no hole: whoever opens it probes there which alignment
 * the storage wants for direct I/O, and holes take any (qemu-img create and VDSM do the same).  0, or -1 after
 * report_error().
 */
extern int output_allocate_first_block(const struct output *output);

/* Syncs the directory.  0, or -1 after report_error(). */
extern int output_sync_directory(const struct output *output);

/* Removes a file that output_open() created; a device is left as it is. */
extern void output_remove(struct output *output);

extern void output_close(struct output *output);

#endif
