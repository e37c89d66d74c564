/*
 * fuzz_faults.c
 *		Faults around an image, from the end of the fuzzer's input.
 *
 * The byte behind the mark: below 128 the pages of memory that are left, times 16; from 128 on the layer whose
 * file can't be read, from 192 on once its header has been.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy/base/budget.h"
#include "fuzz_faults.h"

#define KIND_LAYER 128
#define KIND_READ  192

struct fuzz_fault
fuzz_fault_take(const uint8_t *input, size_t *size)
{
	struct fuzz_fault fault = {0};

	if (*size < 2 || input[*size - 2] != FUZZ_FAULT_MARK)
		return fault;
	fault.kind = input[*size - 1];
	*size -= 2;
	return fault;
}

void
fuzz_fault_begin(struct fuzz_fault *fault)
{
	size_t left = (size_t) fault->kind * 16 * 4096;

	if (fault->kind == 0 || fault->kind >= KIND_LAYER || budget_left() <= left)
		return;
	fault->hogged = budget_left() - left;
	fault->hog = budget_try(fault->hogged);
	if (fault->hog == NULL)
		abort();
}

void
fuzz_fault_end(struct fuzz_fault *fault)
{
	budget_free(fault->hog, fault->hogged);
	fault->hog = NULL;
}

bool
fuzz_fault_is_file(const struct fuzz_fault *fault)
{
	return fault->kind >= KIND_LAYER;
}

void
fuzz_fault_break_file(int fd)
{
	char path[64];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_WRONLY | O_CLOEXEC);
	if (other < 0 || dup2(other, fd) < 0)
		abort();
	close(other);
}

void
fuzz_fault_break_layer(const struct fuzz_fault *fault, const struct chain *chain, bool read)
{
	int index = fault->kind - (read ? KIND_READ : KIND_LAYER);

	if (index >= 0 && index < chain->count && (read || fault->kind < KIND_READ))
		fuzz_fault_break_file(chain->layers[index].fd);
}
