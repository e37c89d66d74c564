/*
 * device.h
 *		Makes every byte of a block device that the copy doesn't write read as zero.
 */
#ifndef COPY_DEVICE_H
#define COPY_DEVICE_H

#include "chain_map.h"
#include "layout.h"
#include "output.h"
#include "throttle.h"

/*
 * Zeroes [start, end) of the device: PUNCH_HOLE where the device does it, else BLKZEROOUT, else
 * writes (BLKDISCARD doesn't promise zeroes).  0, or -1 after report_error().
 */
extern int device_zero(const struct output *output, uint64_t start, uint64_t end,
					   struct throttle *throttle);

/*
 * Zeroes all that the data phase leaves out, up to the end of the device: for raw results the gaps
 * between extents, for qcow2 everything, as clusters are filled in part.  Rewinds the map.  0, or -1
 * after report_error().
 */
extern int device_zero_gaps(const struct output *output, struct chain_map *map,
							const struct layout *layout, struct throttle *throttle);

#endif
