/*
 * reflink.h
 *		Sharing blocks with the layers (FICLONERANGE) instead of copying bytes.
 */
#ifndef COPY_REFLINK_H
#define COPY_REFLINK_H

#include "copy/chain/chain.h"
#include "copy/output/output.h"

/*
 * Tries with each layer whether its blocks can be shared with the output, and sets layer->reflink.
 * The trial is made behind all contents of the output, whose length is restored.  Returns the unit that
 * offsets and lengths must be multiples of, or 0 if no layer can.  *reason says why not.
 */
extern uint64_t reflink_probe(struct chain *chain, const struct output *output,
							  const char **reason);

/*
 * Shares [host, host + length) of a layer with the output at "out"; all are multiples of the unit and
 * inside the layer's file.  *done counts the bytes shared.  Returns 0; 1 where it can't be done and
 * the rest must be copied; -1 after report_error().
 */
extern int reflink_range(const struct output *output, const struct layer *layer, uint64_t host,
						 uint64_t length, uint64_t out, uint64_t *done);

#endif
