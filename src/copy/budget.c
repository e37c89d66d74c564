/*
 * budget.c
 *		One bounded allocator.  Memory comes from mmap, so that what is freed goes back to the system.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "budget.h"
#include "report.h"

static atomic_size_t budget_used;

void *
budget_try(size_t size)
{
	size_t bytes = align_up(size == 0 ? 1 : size, 4096);
	void *memory;

	if (size > BUDGET_LIMIT)
		return NULL;
	if (atomic_fetch_add(&budget_used, bytes) + bytes > BUDGET_LIMIT)
	{
		atomic_fetch_sub(&budget_used, bytes);
		return NULL;
	}
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
	{
		atomic_fetch_sub(&budget_used, bytes);
		return NULL;
	}
	return memory;
}

void *
budget_allocate(size_t size)
{
	void *memory = budget_try(size);

	if (memory == NULL)
		report_error(REPORT_IO, ENOMEM, NO_LAYER, NULL, NO_OFFSET,
					 "could not get %zu bytes of memory within the limit of %zu bytes", size,
					 (size_t) BUDGET_LIMIT);
	return memory;
}

void
budget_free(void *memory, size_t size)
{
	size_t bytes = align_up(size == 0 ? 1 : size, 4096);

	if (memory == NULL)
		return;
	munmap(memory, bytes);
	atomic_fetch_sub(&budget_used, bytes);
}

void
budget_shrink(void *memory, size_t size, size_t smaller)
{
	size_t bytes = align_up(size == 0 ? 1 : size, 4096);
	size_t kept = align_up(smaller == 0 ? 1 : smaller, 4096);

	if (kept < bytes)
		budget_free((char *) memory + kept, bytes - kept);
}

size_t
budget_left(void)
{
	size_t used = atomic_load(&budget_used);

	return used < BUDGET_LIMIT ? BUDGET_LIMIT - used : 0;
}
