/*
 * budget.c
 *		One bounded allocator.  Memory comes from mmap, so that what is freed goes back to the system.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "copy/base/budget.h"
#include "copy/base/report.h"

#define HUGE_PAGE (2 * MIB)

static atomic_size_t budget_used;

/* Memory at a multiple of "alignment", which is one of 4096. */
static void *
map_aligned(size_t bytes, size_t alignment)
{
	size_t more = alignment - 4096;
	unsigned char *memory =
		mmap(NULL, bytes + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (memory == MAP_FAILED)
		return NULL;
	before = (size_t) (align_up((uintptr_t) memory, alignment) - (uintptr_t) memory);
	if (before > 0)
		munmap(memory, before);
	if (before < more)
		munmap(memory + before + bytes, more - before);
	return memory + before;
}

static void *
allocate_aligned(size_t size, size_t alignment)
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
	memory = map_aligned(bytes, alignment);
	if (memory == NULL)
	{
		atomic_fetch_sub(&budget_used, bytes);
		return NULL;
	}
	return memory;
}

void *
budget_try(size_t size)
{
	return allocate_aligned(size, 4096);
}

static void *
or_report(void *memory, size_t size)
{
	if (memory == NULL)
		report_error(COPIER_IO, ENOMEM, NO_LAYER, NULL, NO_OFFSET,
					 "could not get %zu bytes of memory within the limit of %zu bytes", size,
					 (size_t) BUDGET_LIMIT);
	return memory;
}

void *
budget_allocate(size_t size)
{
	return or_report(budget_try(size), size);
}

void *
budget_allocate_buffers(size_t size)
{
	void *memory = allocate_aligned(size, HUGE_PAGE);

	/* Where there are none, small pages do it too. */
	if (memory != NULL && size >= HUGE_PAGE)
		madvise(memory, size, MADV_HUGEPAGE);
	return or_report(memory, size);
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
