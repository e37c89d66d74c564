/*
 * remote.h
 *		Whether the file server can copy from the layers to the output (copy_file_range).
 */
#ifndef COPY_REMOTE_H
#define COPY_REMOTE_H

#include "copy/chain/chain.h"
#include "copy/output/output.h"

/*
 * Sets layer->remote of each layer on the output's file system if that is one whose server copies (NFS 4.2)
 * and the kernel is at least 5.19: older ones copied wrongly or through memory.  Returns whether there is any.
 * Calls uname, so it must run before the sandbox.
 */
extern bool remote_choose(struct chain *chain, const struct output *output);

#endif
