/*
 * verify.h
 *		Compares the guest contents of two chains.
 */
#ifndef COPY_VERIFY_H
#define COPY_VERIFY_H

#include "chain.h"
#include "progress.h"
#include "throttle.h"

/*
 * Compares guest bytes [0, size) of the source with the result; where one is shorter it reads as
 * zero, and so must the other.  Returns 0 if equal, 1 after report_error() with the first difference
 * (guest offset and owning layer), -1 after report_error() for other errors.  "progress" may be NULL.
 */
extern int verify_compare(const struct chain *source, const struct chain *result, uint64_t size,
						  struct throttle *throttle, struct progress *progress);

#endif
