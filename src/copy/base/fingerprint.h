/*
 * fingerprint.h
 *		A 128-bit hash of what a copy is made from; only for telling changes, not against forgery.
 */
#ifndef COPY_FINGERPRINT_H
#define COPY_FINGERPRINT_H

#include "copy/base/common.h"

struct fingerprint
{
	uint64_t low;
	uint64_t high;
};

static inline void
fingerprint_add(struct fingerprint *fingerprint, uint64_t value)
{
	/* Two independent lanes of multiply and rotate, each value mixed into both. */
	fingerprint->low = (fingerprint->low ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	fingerprint->low ^= fingerprint->low >> 29;
	fingerprint->high = (fingerprint->high + value) * UINT64_C(0xc2b2ae3d27d4eb4f);
	fingerprint->high = (fingerprint->high << 31 | fingerprint->high >> 33) ^ fingerprint->low;
}

#endif
