/*
 * fuzz_chain.h
 *		Turns fuzzer input into a chain of image files, and says what it must read as.
 *
 * Input, for each layer: 6 bytes (flags; cluster bits; virtual size in sectors, 16 bits; length of
 * the file's content after the header cluster, 16 bits), then the content.  The headers are made
 * here and are right, so that the fuzzer spends its time on tables.
 *
 * The answer comes from a second, naive reader: one sector at a time, layer by layer, no cache.
 */
#ifndef FUZZ_CHAIN_H
#define FUZZ_CHAIN_H

#include "copy/chain/chain.h"

#define FUZZ_LAYERS  4
#define FUZZ_SECTORS 2048 /* largest virtual size */

struct fuzz_layer
{
	enum image_format format;
	bool extended;
	uint32_t cluster_bits;
	uint64_t virtual_size; /* bytes */
	uint64_t file_size;
	unsigned char *file; /* content, allocated */
	char path[320];
};

struct fuzz_chain
{
	int count;
	struct fuzz_layer layers[FUZZ_LAYERS];
	struct layer_option options[FUZZ_LAYERS];
	uint8_t flags; /* of the first byte of the input: for the target */
};

enum fuzz_answer
{
	FUZZ_ZERO,
	FUZZ_DATA,
	FUZZ_COMPRESSED
};

/* Makes the files.  False if the input holds no layer. */
extern bool fuzz_chain_make(struct fuzz_chain *chain, const uint8_t *input, size_t size);
extern void fuzz_chain_free(struct fuzz_chain *chain);

/* Path of a file in this process's directory, in memory or below FUZZ_FOLDER, for images and results. */
extern const char *fuzz_path(const char *name);

/*
 * What the sector at this guest offset is: for FUZZ_DATA *layer and *host say where, and "bytes" gets
 * its content (also for FUZZ_ZERO).
 */
extern enum fuzz_answer fuzz_chain_sector(const struct fuzz_chain *chain, uint64_t offset,
										  int *layer, uint64_t *host, unsigned char bytes[512]);

#endif
