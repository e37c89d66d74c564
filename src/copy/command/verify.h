/*
 * verify.h
 *		Compares the guest contents of two chains.
 */
#ifndef COPY_VERIFY_H
#define COPY_VERIFY_H

#include <stdatomic.h>

#include "copy/chain/chain.h"
#include "copy/base/throttle.h"

/*
 * Starts the thread that reads the result while the caller's reads the source; before the sandbox.
 * 0, or -1 after report_error().
 */
extern int verify_start(void);

/* Ends it. */
extern void verify_stop(void);

/*
 * Compares guest bytes [0, size) of the source with the result; where one is shorter it reads as
 * zero, and so must the other.  Returns 0 if equal, 1 after report_error() with the first difference
 * (guest offset and owning layer), -1 after report_error() for other errors.  *compared becomes the
 * guest bytes done with.
 */
extern int verify_compare(const struct chain *source, const struct chain *result, uint64_t size,
						  struct throttle *throttle, atomic_uint_fast64_t *compared);

#endif
