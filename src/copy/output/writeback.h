/*
 * writeback.h
 *		Keeps what is written through the page cache from filling it: a copy is larger than the cache, and
 *		nobody reads the result soon.
 *
 * Every 32 MiB, what is dirty begins to go to the device and what has got there leaves memory.  Pages
 * of the layers stay: they may have been there before.  tmpfs has no device, there it does nothing.
 */
#ifndef COPY_WRITEBACK_H
#define COPY_WRITEBACK_H

#include "copy/output/output.h"

struct writeback
{
	const struct output *output; /* NULL = do nothing */
	uint64_t written;            /* bytes since the last step */
};

extern void writeback_start(struct writeback *writeback, const struct output *output);

/*
 * Says that so many more bytes were written.  One thread at a time.  May wait for the device.  0, or -1
 * after report_error(): an error that is told here isn't told again by the next sync.
 */
extern int writeback_add(struct writeback *writeback, uint64_t bytes);

/* After the last sync: the rest leaves memory too. */
extern void writeback_finish(const struct output *output);

#endif
