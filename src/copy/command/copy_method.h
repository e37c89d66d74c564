/*
 * copy_method.h
 *		How a copy moves its data.
 */
#ifndef COPY_COPY_METHOD_H
#define COPY_COPY_METHOD_H

#include "copy/command/copy.h"

/* Asks whether layers and output can share blocks; before the sandbox. */
extern void copy_try_reflink(struct copy *copy);

/* Bytes of a thread's buffer, and how many threads there are unless somebody asks for others; with the output open. */
extern size_t copy_buffer_size(const struct copy *copy);
extern int copy_default_threads(const struct copy *copy);

/* Sets method and reason, by the plan; may give up direct I/O. */
extern void copy_choose_method(struct copy *copy);

#endif
