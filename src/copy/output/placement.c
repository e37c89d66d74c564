/*
 * placement.c
 *		Which data cluster of a qcow2 result goes where.
 */
#include "copy/base/budget.h"
#include "copy/output/placement.h"
#include "copy/base/report.h"

/*
 * Where the new clusters of an extent go, by source order.  An extent begins new clusters except for
 * its first one if the extent before it in guest order reaches into that.
 */
struct place
{
	uint64_t first; /* guest cluster */
	uint64_t count;
	uint64_t cluster; /* of the output's data clusters; set after sorting */
};

struct placement
{
	struct extents *extents;
	const struct layout *layout;
	bool by_source;
	struct place *places; /* of each extent of the list */
	uint32_t *order;      /* extents by layer and file offset */
	size_t count;

	/* guest order */
	struct extent extent;
	bool extent_open; /* "extent" has a second piece to give */
	uint64_t next_cluster;
	uint64_t placed;   /* data clusters given out */
	uint64_t last_out; /* file offset of the cluster begun last */
	size_t index;      /* of the extent after "extent" in the list */

	/* order to copy */
	size_t next;
	bool heads; /* the second round: rests of clusters begun by other extents */
};

static uint64_t
cluster_of(const struct placement *placement, uint64_t guest)
{
	return guest >> placement->layout->cluster_bits;
}

static uint64_t
data_out(const struct placement *placement, uint64_t cluster)
{
	return placement->layout->data_offset + (cluster << placement->layout->cluster_bits);
}

static int
sort_by_source(struct placement *placement)
{
	const struct extent *list = placement->extents->list;
	uint64_t next_cluster = 0;
	uint64_t placed = 0;

	placement->count = placement->extents->count;
	placement->places = budget_allocate(placement->count * sizeof(struct place));
	placement->order = extents_sort_by_source(placement->extents);
	if (placement->places == NULL || placement->order == NULL)
		return -1;
	for (size_t i = 0; i < placement->count; i++)
	{
		uint64_t end = cluster_of(placement, list[i].start + list[i].length - 1) + 1;
		struct place *place = &placement->places[i];

		place->first = max_u64(cluster_of(placement, list[i].start), next_cluster);
		place->count = place->first < end ? end - place->first : 0;
		next_cluster = max_u64(next_cluster, end);
	}
	for (size_t i = 0; i < placement->count; i++)
	{
		struct place *place = &placement->places[placement->order[i]];

		place->cluster = placed;
		placed += place->count;
	}
	return 0;
}

struct placement *
placement_open(struct extents *extents, const struct layout *layout, bool by_source)
{
	struct placement *placement = budget_allocate(sizeof(*placement));

	if (placement == NULL)
		return NULL;
	placement->extents = extents;
	placement->layout = layout;
	placement->by_source = by_source && extents->list != NULL;
	if (placement->by_source && sort_by_source(placement) != 0)
	{
		placement_close(placement);
		return NULL;
	}
	placement_rewind(placement);
	return placement;
}

void
placement_rewind(struct placement *placement)
{
	extents_rewind(placement->extents);
	placement->extent_open = false;
	placement->next_cluster = 0;
	placement->placed = 0;
	placement->index = 0;
	placement->next = 0;
	placement->heads = false;
}

/* The first bytes of an extent, in a cluster that was begun before, at "out" for its first byte. */
static void
make_head(const struct placement *placement, const struct extent *extent, uint64_t cluster_out,
		  uint64_t length, struct placed_piece *piece)
{
	uint64_t cluster_size = UINT64_C(1) << placement->layout->cluster_bits;

	*piece = (struct placed_piece){.extent = *extent,
								   .length = length,
								   .out = cluster_out + (extent->start & (cluster_size - 1))};
}

/* What an extent has from its first new cluster on. */
static void
make_body(const struct placement *placement, const struct extent *extent, uint64_t first,
		  uint64_t count, uint64_t clusters_out, struct placed_piece *piece)
{
	uint64_t start = max_u64(first << placement->layout->cluster_bits, extent->start);

	*piece = (struct placed_piece){.extent = *extent,
								   .skip = start - extent->start,
								   .length = extent->length - (start - extent->start),
								   .out = clusters_out +
										  (start - (first << placement->layout->cluster_bits)),
								   .new_cluster = first,
								   .new_clusters = count,
								   .new_clusters_out = clusters_out};
}

int
placement_next_in_guest_order(struct placement *placement, struct placed_piece *piece)
{
	const struct extent *extent = &placement->extent;
	uint64_t first;
	uint64_t end;

	if (!placement->extent_open)
	{
		int result = extents_next(placement->extents, &placement->extent);

		if (result <= 0)
			return result;
		placement->index++;
		first = cluster_of(placement, extent->start);
		if (first < placement->next_cluster)
		{
			uint64_t boundary = placement->next_cluster << placement->layout->cluster_bits;
			uint64_t length = min_u64(extent->length, boundary - extent->start);

			placement->extent_open = length < extent->length;
			make_head(placement, extent, placement->last_out, length, piece);
			return 1;
		}
	}
	placement->extent_open = false;
	first = max_u64(cluster_of(placement, extent->start), placement->next_cluster);
	end = cluster_of(placement, extent->start + extent->length - 1) + 1;
	if (end - first > placement->layout->data_clusters - placement->placed)
		return report_error(COPIER_SOURCE_CHANGED, 0, extent->layer, NULL, NO_OFFSET,
							"layer holds more data than when it was first read");
	make_body(placement, extent, first, end - first,
			  data_out(placement, placement->by_source
									  ? placement->places[placement->index - 1].cluster
									  : placement->placed),
			  piece);
	placement->placed += end - first;
	placement->next_cluster = end;
	placement->last_out =
		piece->new_clusters_out + ((end - first - 1) << placement->layout->cluster_bits);
	return 1;
}

int
placement_next_to_copy(struct placement *placement, struct placed_piece *piece)
{
	if (!placement->by_source)
		return placement_next_in_guest_order(placement, piece);

	while (!placement->heads && placement->next < placement->count)
	{
		size_t index = placement->order[placement->next++];
		const struct place *place = &placement->places[index];

		if (place->count == 0)
			continue;
		make_body(placement, &placement->extents->list[index], place->first, place->count,
				  data_out(placement, place->cluster), piece);
		return 1;
	}
	if (!placement->heads)
	{
		placement->heads = true;
		placement->next = 0;
	}
	while (placement->next < placement->count)
	{
		size_t index = placement->next++;
		const struct extent *extent = &placement->extents->list[index];
		const struct place *place = &placement->places[index];
		uint64_t length = extent->length;
		uint64_t begun_out = placement->last_out;

		if (place->count > 0)
		{
			length = max_u64(place->first << placement->layout->cluster_bits, extent->start) -
					 extent->start;
			placement->last_out = data_out(placement, place->cluster + place->count - 1);
		}
		if (length == 0)
			continue;
		make_head(placement, extent, begun_out, length, piece);
		return 1;
	}
	return 0;
}

bool
placement_is_by_source(const struct placement *placement)
{
	return placement->by_source;
}

void
placement_close(struct placement *placement)
{
	if (placement == NULL)
		return;
	budget_free(placement->places, placement->count * sizeof(struct place));
	extents_free_order(placement->extents, placement->order);
	budget_free(placement, sizeof(*placement));
}
