/*
 * chain.c
 *		The layers of one image, opened and checked as a chain.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/chain/chain.h"
#include "copy/base/fileio.h"
#include "copy/base/page_cache.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/sandbox.h"

/* Output, record, directories, sockets and what else a copy opens beside its layers. */
#define OTHER_DESCRIPTORS 32

/* Boundaries of holes in raw files are kept to this. */
#define RAW_GRANULE UINT64_C(4096)

/*
 * qemu's image locking: byte 100 + n of the file is locked by who holds permission n, byte 200 + n by
 * who does not let others have it.  Permission 1 is writing, 3 resizing.
 */
#define QEMU_LOCK_PERMISSION_BASE       100
#define QEMU_LOCK_SHARED_BASE           200
#define QEMU_PERMISSION_WRITE           1
#define QEMU_PERMISSION_RESIZE          3
#define QEMU_PERMISSION_CONSISTENT_READ 0

static int
fill_identity(struct layer *layer)
{
	struct stat status;

	if (file_status(layer->fd, &status) != 0)
		return report_io_error(errno, layer->shown_as, layer->path, NO_OFFSET,
							   "could not stat image");
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, NO_OFFSET,
							"image is neither a regular file nor a block device");
	layer->is_block_device = S_ISBLK(status.st_mode);
	layer->device = layer->is_block_device ? status.st_rdev : status.st_dev;
	layer->inode = layer->is_block_device ? 0 : status.st_ino;
	layer->modified = status.st_mtim;
	if (file_size(layer->fd, &layer->file_size) != 0)
		return report_io_error(errno, layer->shown_as, layer->path, NO_OFFSET,
							   "could not get size of image");
	return 0;
}

/* Is somebody else's write lock on this byte?  Then it is locked by a holder of that permission. */
static int
probe_lock(const struct layer *layer, off_t byte, bool *locked)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	*locked = false;
	/* The descriptor is read-only: F_OFD_GETLK asks all the same. */
	if (fcntl(layer->fd, F_OFD_GETLK, &lock) != 0)
	{
		if (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOLCK)
			return 0; /* a file system without locks can't tell */
		return report_io_error(errno, layer->shown_as, layer->path, NO_OFFSET,
							   "could not ask for locks on layer");
	}
	*locked = lock.l_type != F_UNLCK;
	return 0;
}

/*
 * Locks the layer as qemu does that reads an image under an overlay: it reads consistently and lets nobody write or
 * resize, so that a writer is refused at once instead of the copy in the end.  Read locks, which readers share; they
 * last as long as the descriptor.
 */
static int
lock_for_reading(const struct layer *layer)
{
	static const off_t bytes[] = {QEMU_LOCK_PERMISSION_BASE + QEMU_PERMISSION_CONSISTENT_READ,
								  QEMU_LOCK_SHARED_BASE + QEMU_PERMISSION_WRITE,
								  QEMU_LOCK_SHARED_BASE + QEMU_PERMISSION_RESIZE};

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
	{
		struct flock lock = {
			.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = bytes[i], .l_len = 1};

		if (fcntl(layer->fd, F_OFD_SETLK, &lock) == 0)
			continue;
		if (errno == EAGAIN || errno == EACCES)
			return report_error(COPIER_BUSY, 0, layer->shown_as, layer->path, NO_OFFSET,
								"layer is locked by another process; stop it, or copy with "
								"--force-share");
		if (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOLCK)
			return 0; /* a file system without locks */
		return report_io_error(errno, layer->shown_as, layer->path, NO_OFFSET,
							   "could not lock layer");
	}
	return 0;
}

static int
check_not_in_use(const struct layer *layer)
{
	static const struct
	{
		off_t byte;
		const char *what;
	} probes[] = {
		{QEMU_LOCK_PERMISSION_BASE + QEMU_PERMISSION_WRITE, "is open for writing"},
		{QEMU_LOCK_PERMISSION_BASE + QEMU_PERMISSION_RESIZE, "is open for resizing"},
		{QEMU_LOCK_SHARED_BASE + QEMU_PERMISSION_CONSISTENT_READ, "is not shared for reading"},
	};

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
	{
		bool locked;

		if (probe_lock(layer, probes[i].byte, &locked) != 0)
			return -1;
		if (locked)
			return report_error(COPIER_BUSY, 0, layer->shown_as, layer->path, NO_OFFSET,
								"layer %s by another process; stop it, or copy with --force-share",
								probes[i].what);
	}
	return 0;
}

static int
read_layer(struct layer *layer, const atomic_bool *stop)
{
	if (layer->format == FORMAT_RAW)
	{
		/* qemu counts a started sector as a whole one. */
		if (layer->file_size > INT64_MAX - SECTOR_SIZE)
			return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, NO_OFFSET,
								"size %" PRIu64 " is too large", layer->file_size);
		layer->virtual_size = align_up(layer->file_size, SECTOR_SIZE);
		return 0;
	}
	if (qcow2_read_header(layer, stop) != 0)
		return -1;
	return qcow2_check_l1(layer, stop);
}

/* Compares what a header says about its backing file with the layer that really lies below. */
static int
check_backing(const struct layer *layer, const struct layer *below)
{
	const char *name = layer->qcow2.backing_name;
	const char *format = layer->qcow2.backing_format;

	if (below == NULL)
	{
		if (name[0] == '\0')
			return 0;
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 8,
							"%s must not have a backing file but names \"%.200s\"",
							layer->shown_as == OUTPUT_IMAGE ? "a result" : "the first layer", name);
	}
	if (layer->format == FORMAT_RAW)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, NO_OFFSET,
							"only the first layer can be raw: a raw image has no backing file");
	if (name[0] == '\0')
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 8,
							"header names no backing file, expected \"%.200s\"",
							layer->expected_name);
	/* "json:…", "nbd://…", "host:path": not a plain or absolute name. */
	if (strncmp(name, "json:", 5) == 0 || strstr(name, "://") != NULL ||
		strcmp(path_last_component(name), path_last_component(layer->expected_name)) != 0)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 8,
							"header names backing file \"%.200s\", expected \"%.200s\"", name,
							layer->expected_name);
	if (format[0] != '\0' && strcmp(format, below->format == FORMAT_RAW ? "raw" : "qcow2") != 0)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, NO_OFFSET,
							"header says the backing file's format is \"%s\", expected \"%s\"",
							format, below->format == FORMAT_RAW ? "raw" : "qcow2");
	return 0;
}

/* Sizes and units that concern the chain as a whole. */
static void
fill_chain(struct chain *chain)
{
	uint64_t limit = UINT64_MAX;

	chain->virtual_size = chain->count > 0 ? chain->layers[chain->count - 1].virtual_size : 0;
	chain->granule = 2 * MIB;
	chain->max_cluster = 0;
	for (int i = chain->count - 1; i >= 0; i--)
	{
		struct layer *layer = &chain->layers[i];
		uint64_t granule = RAW_GRANULE;

		limit = min_u64(limit, layer->virtual_size);
		layer->limit = limit;
		if (layer->format == FORMAT_QCOW2)
		{
			uint32_t cluster_size = UINT32_C(1) << layer->qcow2.cluster_bits;

			granule = layer->qcow2.extended_l2 ? cluster_size / 32 : cluster_size;
			if (cluster_size > chain->max_cluster)
				chain->max_cluster = cluster_size;
		}
		chain->granule = min_u64(chain->granule, granule);
	}
}

static int
allocate_layers(struct chain *chain, int count)
{
	memset(chain, 0, sizeof(*chain));
	chain->layers = calloc((size_t) count + 1, sizeof(struct layer));
	if (chain->layers == NULL)
		return report_error(COPIER_IO, ENOMEM, NO_LAYER, NULL, NO_OFFSET,
							"could not remember %d layers", count);
	chain->count = count;
	for (int i = 0; i < count; i++)
	{
		chain->layers[i].index = i;
		chain->layers[i].shown_as = i;
		chain->layers[i].fd = -1;
		chain->layers[i].direct_fd = -1;
	}
	return 0;
}

/*
 * Second descriptors for direct I/O; a layer without one is read through the page cache.  They come after
 * all that a copy can't do without, and leave room for its output.
 */
static void
open_direct(struct chain *chain, bool or_cached)
{
	for (int i = 0; i < chain->count; i++)
	{
		struct layer *layer = &chain->layers[i];

		layer->direct_fd = root_open_direct(layer->path, layer->fd);
		if (layer->direct_fd >= 0 && sandbox_descriptors_left(layer->direct_fd) < OTHER_DESCRIPTORS)
		{
			close(layer->direct_fd);
			layer->direct_fd = -1;
			return;
		}
		layer->direct_alignment = layer->direct_fd >= 0 ? file_direct_alignment(layer->fd) : 0;
		layer->cache_known =
			or_cached && layer->direct_fd >= 0 && page_cache_is_known(layer->fd, layer->file_size);
	}
}

static int
refuse_same_file(const struct chain *chain, int index)
{
	const struct layer *layer = &chain->layers[index];

	for (int below = 0; below < index; below++)
	{
		const struct layer *other = &chain->layers[below];

		if (other->device == layer->device && other->inode == layer->inode &&
			other->is_block_device == layer->is_block_device)
			return report_error(COPIER_REFUSED, 0, index, layer->path, NO_OFFSET,
								"layer is the same file as layer %d", below);
	}
	return 0;
}

int
chain_open_files(struct chain *chain, const struct layer_option *options, int count,
				 enum data_source source)
{
	struct stat status;

	if (allocate_layers(chain, count) != 0)
		return -1;
	for (int i = 0; i < count; i++)
	{
		struct layer *layer = &chain->layers[i];

		layer->format = options[i].format;
		layer->path = options[i].path;
		if (i > 0)
			layer->expected_name =
				options[i].backing_name != NULL ? options[i].backing_name : options[i - 1].path;
		/* O_NONBLOCK: a FIFO must not hang us before it is refused. */
		layer->fd = root_open(layer->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
		if (layer->fd < 0)
			return report_io_error(errno, i, layer->path, NO_OFFSET, "could not open layer");
		if (fill_identity(layer) != 0 || refuse_same_file(chain, i) != 0)
			return -1;
		if (layer->is_block_device && fstat(layer->fd, &status) == 0)
			layer->device_identity = file_device_identity(&status);
	}
	if (source != FROM_PAGE_CACHE)
		open_direct(chain, source == FROM_CACHE_OR_DEVICE);
	return 0;
}

int
chain_read(struct chain *chain, bool force_share, const atomic_bool *stop)
{
	sandbox_probe();
	for (int i = 0; i < chain->count; i++)
	{
		struct layer *layer = &chain->layers[i];

		if (report_if_stopped(stop))
			return -1;
		/* in this order, as qemu: two who begin at once see each other */
		if (!force_share && (lock_for_reading(layer) != 0 || check_not_in_use(layer) != 0))
			return -1;
		if (read_layer(layer, stop) != 0)
			return -1;
		if (check_backing(layer, i > 0 ? &chain->layers[i - 1] : NULL) != 0)
			return -1;
	}
	fill_chain(chain);
	return 0;
}

void
chain_look_at_cache(struct chain *chain)
{
	for (int i = 0; i < chain->count; i++)
	{
		struct layer *layer = &chain->layers[i];

		layer->cached_whole = layer->cache_known && !layer->reflink && !layer->remote &&
							  page_cache_holds_all(layer->fd, layer->file_size);
	}
}

int
chain_open_fd(struct chain *chain, int fd, int direct_fd, enum image_format format,
			  const char *path, const atomic_bool *stop)
{
	if (allocate_layers(chain, 1) != 0)
		return -1;
	chain->layers[0].shown_as = OUTPUT_IMAGE;
	chain->layers[0].format = format;
	chain->layers[0].path = path;
	chain->layers[0].fd = fd;
	chain->layers[0].direct_fd = direct_fd;
	chain->layers[0].direct_alignment = direct_fd >= 0 ? DIRECT_BLOCK : 0;
	if (fill_identity(&chain->layers[0]) != 0 || read_layer(&chain->layers[0], stop) != 0)
		return -1;
	if (check_backing(&chain->layers[0], NULL) != 0)
		return -1;
	fill_chain(chain);
	return 0;
}

int
chain_check_unchanged(const struct chain *chain)
{
	for (int i = 0; i < chain->count; i++)
	{
		const struct layer *layer = &chain->layers[i];
		struct layer now = *layer;

		if (fill_identity(&now) != 0)
			return -1;
		if (now.device != layer->device || now.inode != layer->inode ||
			now.file_size != layer->file_size ||
			(!layer->is_block_device && (now.modified.tv_sec != layer->modified.tv_sec ||
										 now.modified.tv_nsec != layer->modified.tv_nsec)))
			return report_error(COPIER_SOURCE_CHANGED, 0, i, layer->path, NO_OFFSET,
								"layer was changed while it was copied");
	}
	return 0;
}

void
chain_close(struct chain *chain)
{
	for (int i = 0; i < chain->count; i++)
	{
		if (chain->layers[i].fd >= 0)
			close(chain->layers[i].fd);
		if (chain->layers[i].direct_fd >= 0)
			close(chain->layers[i].direct_fd);
	}
	free(chain->layers);
	memset(chain, 0, sizeof(*chain));
}
