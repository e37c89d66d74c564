/*
 * device.h
 *		Makes every byte of a block device that the copy doesn't write read as zero.
 */
#ifndef COPY_DEVICE_H
#define COPY_DEVICE_H

#include "copy/chain/extents.h"
#include "copy/output/layout.h"
#include "copy/output/output.h"
#include "copy/output/resume.h"
#include "copy/base/throttle.h"

/*
 * Zeroes all that the data phase leaves out, from byte "mark" up to the end of the device: for raw
 * results the gaps between extents, for qcow2 everything, as clusters are filled in part.  Uses
 * PUNCH_HOLE where the device does it, else BLKZEROOUT, else writes (BLKDISCARD promises no zeroes).
 * Rewinds the extents; makes checkpoints in "resume" unless that is NULL.  0, or -1 after
 * report_error().
 */
extern int device_zero_gaps(const struct output *output, struct extents *extents,
							const struct layout *layout, struct throttle *throttle,
							struct resume *resume, uint64_t mark);

/* Writes zeroes to the first "length" bytes of a file, so that it has blocks.  0, or -1 reported. */
extern int device_fill(const struct output *output, uint64_t length, struct throttle *throttle);

#endif
