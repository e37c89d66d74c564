/*
 * qcow2_header.h
 *		Reads and checks the header cluster and the L1 table of a qcow2 layer.
 */
#ifndef COPY_QCOW2_HEADER_H
#define COPY_QCOW2_HEADER_H

#include "copy/chain/layer.h"

/* Bits of L1 and L2 entries (qcow2 specification, "Cluster mapping"). */
#define QCOW2_OFFSET_MASK     UINT64_C(0x00fffffffffffe00)
#define QCOW2_FLAG_COPIED     (UINT64_C(1) << 63)
#define QCOW2_FLAG_COMPRESSED (UINT64_C(1) << 62)
#define QCOW2_FLAG_ZERO       UINT64_C(1)

#define QCOW2_MIN_CLUSTER_BITS 9
#define QCOW2_MAX_CLUSTER_BITS 21

/* qemu's limits on tables. */
#define QCOW2_MAX_L1_BYTES       (32 * MIB)
#define QCOW2_MAX_REFTABLE_BYTES (8 * MIB)
#define QCOW2_MAX_SNAPSHOTS      65536
#define QCOW2_MAX_HOST_OFFSET    (UINT64_C(1) << 56) /* table entries hold no larger one */
#define QCOW2_MAX_BACKING_NAME   1023

/*
 * Fills layer->qcow2 and layer->virtual_size from the opened file.  Every check precedes what
 * depends on it.  Ends soon after *stop becomes true (NULL = never).  Returns 0, or -1 after
 * report_error().
 */
extern int qcow2_read_header(struct layer *layer, const atomic_bool *stop);

/*
 * Checks the active L1 table: entries aligned, no L2 table used twice, none inside the header or the
 * L1 table, no more tables than the file has clusters.  Ends soon after *stop becomes true (NULL = never).
 * Returns 0, or -1 after report_error().
 */
extern int qcow2_check_l1(const struct layer *layer, const atomic_bool *stop);

/*
 * What a layer has that a copy doesn't take over or heed: internal snapshots, bitmaps, the dirty and the
 * corrupt mark.  False: nothing.  160 bytes of text are enough.
 */
extern bool qcow2_describe_ignored(const struct layer *layer, char *text, size_t size);

#endif
