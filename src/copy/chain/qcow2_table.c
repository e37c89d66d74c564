/*
 * qcow2_table.c
 *		Checks the active L1 table once, when the layer is opened.
 *
 * A table that is used twice lets a small file claim any amount of data; an image that qemu wrote
 * never has one.  Offsets go through a hash set of bounded size: a larger table is checked in
 * several passes, each for the offsets that hash into its share.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/random.h>

#include "copy/base/budget.h"
#include "copy/base/fileio.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"

#define SET_SLOTS      (UINT64_C(1) << 20) /* 8 MiB */
#define L1_SLICE_BYTES ((size_t) 65536)

struct l1_scan
{
	const struct layer *layer;
	const atomic_bool *stop; /* NULL = never */
	unsigned char *slice;
	uint64_t tables;   /* L2 tables inside the file */
	uint64_t previous; /* offset of the last one */
	bool ascending;    /* so far each offset is above the one before */
	uint64_t *set;     /* NULL in the counting pass */
	uint64_t slots;    /* in the set */
	uint64_t shares;   /* passes in all */
	uint64_t share;    /* of this pass */
	uint64_t used;     /* slots filled in this pass */
	uint64_t seed;
};

/* Seeded, so that no image can be made whose offsets collide. */
static uint64_t
hash_offset(const struct l1_scan *scan, uint64_t offset)
{
	offset ^= scan->seed;
	offset = (offset ^ offset >> 33) * UINT64_C(0xff51afd7ed558ccd);
	offset = (offset ^ offset >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return offset ^ offset >> 33;
}

static int
set_insert(struct l1_scan *scan, uint64_t offset, uint64_t entry_offset)
{
	uint64_t hash = hash_offset(scan, offset);
	uint64_t slot;

	if (hash % scan->shares != scan->share)
		return 0;
	for (slot = hash / scan->shares & (scan->slots - 1); scan->set[slot] != 0;
		 slot = (slot + 1) & (scan->slots - 1))
	{
		if (scan->set[slot] == offset)
			return report_error(COPIER_REFUSED, 0, scan->layer->shown_as, scan->layer->path,
								entry_offset, "L2 table at offset %" PRIu64 " is used twice",
								offset);
	}
	if (++scan->used > scan->slots - scan->slots / 8)
		return report_error(COPIER_REFUSED, 0, scan->layer->shown_as, scan->layer->path,
							entry_offset, "L1 table changes while it is being read");
	scan->set[slot] = offset;
	return 0;
}

static int
check_entry(struct l1_scan *scan, uint64_t entry, uint64_t entry_offset)
{
	const struct layer *layer = scan->layer;
	uint64_t cluster_size = UINT64_C(1) << layer->qcow2.cluster_bits;
	uint64_t offset = entry & QCOW2_OFFSET_MASK;

	if (offset == 0)
		return 0;
	if (!is_aligned(offset, cluster_size))
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, entry_offset,
							"L2 table offset %" PRIu64 " is not a multiple of the cluster size",
							offset);
	if (offset >= layer->file_size)
		return 0; /* reads as zero: nothing allocated */
	if (offset + cluster_size > layer->qcow2.l1_offset &&
		offset < layer->qcow2.l1_offset + layer->qcow2.l1_entries * 8)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, entry_offset,
							"L2 table at offset %" PRIu64 " lies inside the L1 table", offset);
	if (scan->set != NULL)
		return set_insert(scan, offset, entry_offset);
	scan->tables++;
	if (offset <= scan->previous)
		scan->ascending = false;
	scan->previous = offset;
	return 0;
}

static int
scan_l1(struct l1_scan *scan)
{
	const struct layer *layer = scan->layer;
	uint64_t bytes = layer->qcow2.l1_entries * 8;

	for (uint64_t at = 0; at < bytes; at += L1_SLICE_BYTES)
	{
		size_t length = (size_t) min_u64(bytes - at, L1_SLICE_BYTES);
		uint64_t offset = layer->qcow2.l1_offset + at;

		if (offset >= layer->file_size)
			break;
		if (report_if_stopped(scan->stop))
			return -1;
		if (file_read_zero_filled(layer->fd, scan->slice, length, offset) != 0)
			return report_io_error(errno, layer->shown_as, layer->path, offset,
								   "could not read L1 table");
		for (size_t i = 0; i < length; i += 8)
		{
			uint64_t entry = load_be64(scan->slice + i);

			if (entry != 0 && check_entry(scan, entry, offset + i) != 0)
				return -1;
		}
	}
	return 0;
}

static int
check_duplicates(struct l1_scan *scan)
{
	size_t bytes;
	int result = 0;

	scan->slots = 64;
	while (scan->slots < scan->tables * 2 && scan->slots < SET_SLOTS)
		scan->slots *= 2;
	bytes = (size_t) scan->slots * sizeof(uint64_t);
	scan->set = budget_allocate(bytes);
	if (scan->set == NULL)
		return -1;
	/* With a quarter of the slots used on average, no share of random hashes comes near the bound. */
	scan->shares = divide_up(scan->tables, scan->slots / 4);
	if (getrandom(&scan->seed, sizeof(scan->seed), 0) != sizeof(scan->seed))
		scan->seed = (uint64_t) (uintptr_t) scan->set;
	for (scan->share = 0; scan->share < scan->shares && result == 0; scan->share++)
	{
		memset(scan->set, 0, bytes);
		scan->used = 0;
		result = scan_l1(scan);
	}
	budget_free(scan->set, bytes);
	scan->set = NULL;
	return result;
}

int
qcow2_check_l1(const struct layer *layer, const atomic_bool *stop)
{
	struct l1_scan scan = {.layer = layer, .stop = stop, .ascending = true};
	uint64_t clusters = divide_up(layer->file_size, UINT64_C(1) << layer->qcow2.cluster_bits);
	int result;

	if (layer->qcow2.l1_entries == 0)
		return 0;
	scan.slice = budget_allocate(L1_SLICE_BYTES);
	if (scan.slice == NULL)
		return -1;
	result = scan_l1(&scan);
	if (result == 0 && scan.tables > clusters)
		result = report_error(
			COPIER_REFUSED, 0, layer->shown_as, layer->path, layer->qcow2.l1_offset,
			"L1 table names %" PRIu64 " L2 tables but the file has %" PRIu64 " clusters",
			scan.tables, clusters);
	if (result == 0 && !scan.ascending)
		result = check_duplicates(&scan);
	budget_free(scan.slice, L1_SLICE_BYTES);
	return result;
}
