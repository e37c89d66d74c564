/*
 * fuzz_faults.h
 *		What goes wrong around an image: no memory, a file that can't be read.
 *
 * An input that ends with FUZZ_FAULT_MARK and one more byte asks for a fault; without them, as in nearly all inputs,
 * nothing goes wrong.  The mark and the byte are no part of the image.
 */
#ifndef FUZZ_FAULTS_H
#define FUZZ_FAULTS_H

#include "copy/chain/chain.h"

#define FUZZ_FAULT_MARK 0xfa

struct fuzz_fault
{
	uint8_t kind; /* 0 = none */
	void *hog;    /* memory taken from the budget */
	size_t hogged;
};

/* Takes the fault off the end of the input. */
extern struct fuzz_fault fuzz_fault_take(const uint8_t *input, size_t *size);

/* From now on the budget has only so many pages left as the fault says; until fuzz_fault_end(). */
extern void fuzz_fault_begin(struct fuzz_fault *fault);
extern void fuzz_fault_end(struct fuzz_fault *fault);

/*
 * Has the reading of one of the opened layers fail from now on, if that is the fault: when the headers are still to
 * be "read", or when they have been.
 */
extern void fuzz_fault_break_layer(const struct fuzz_fault *fault, const struct chain *chain,
								   bool read);

/* Whether the fault is that the file of an input which is only one can't be read. */
extern bool fuzz_fault_is_file(const struct fuzz_fault *fault);

/* The same for one file, whose descriptor is put in place of "fd". */
extern void fuzz_fault_break_file(int fd);

#endif
