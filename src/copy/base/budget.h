/*
 * budget.h
 *		The one allocator for everything whose size depends on images or options.
 *
 * What it hands out never exceeds BUDGET_LIMIT in all, whatever the images say, so that the peak
 * resident size stays below 64 MiB (the rest is code, stacks and libraries).
 */
#ifndef COPY_BUDGET_H
#define COPY_BUDGET_H

#include "copy/base/common.h"

#define BUDGET_LIMIT (48 * MIB)

/* Zeroed memory of "size" bytes, aligned to 4096.  NULL after report_error() if it doesn't fit. */
extern void *budget_allocate(size_t size);

/*
 * As budget_allocate(), for buffers that data is read into: aligned to 2 MiB and in huge pages where
 * the system has them.  A device takes a request of one piece of memory at up to twice the rate of
 * one that is gathered from pages of 4 KiB.
 */
extern void *budget_allocate_buffers(size_t size);

/* As budget_allocate(), but NULL without an error: for what can also be done without. */
extern void *budget_try(size_t size);

/* "size" must be what was asked for.  NULL is allowed. */
extern void budget_free(void *memory, size_t size);

/* Gives back the end of what was asked for: "size" becomes "smaller". */
extern void budget_shrink(void *memory, size_t size, size_t smaller);

/* Bytes that can still be asked for. */
extern size_t budget_left(void);

#endif
