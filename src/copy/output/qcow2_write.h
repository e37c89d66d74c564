/*
 * qcow2_write.h
 *		Writes the metadata of a qcow2 result, streaming: tables in ascending guest order, header last.
 */
#ifndef COPY_QCOW2_WRITE_H
#define COPY_QCOW2_WRITE_H

#include <stdatomic.h>

#include "copy/output/layout.h"

struct qcow2_writer;

/*
 * Writes to "fd" (buffered).  With "fresh" the file reads as zero where nothing was written, so zero
 * blocks of tables stay holes.  Writing ends soon after *stop becomes true.  NULL after
 * report_error().
 */
extern struct qcow2_writer *qcow2_writer_open(const struct layout *layout, int fd, const char *path,
											  bool fresh, const atomic_bool *stop);

/*
 * Maps "count" guest clusters from "guest_cluster" to the file offset "host" and on.  Calls come in
 * ascending order of guest clusters.  Returns 0, or -1 after report_error().
 */
extern int qcow2_writer_map(struct qcow2_writer *writer, uint64_t guest_cluster, uint64_t count,
							uint64_t host);

/* Writes what is still buffered of L1 and L2, and the refcounts. */
extern int qcow2_writer_finish(struct qcow2_writer *writer);

/* Writes the header: after this the file is a qcow2 image. */
extern int qcow2_writer_write_header(struct qcow2_writer *writer);

extern void qcow2_writer_close(struct qcow2_writer *writer);

#endif
