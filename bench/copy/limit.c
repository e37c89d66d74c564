/*
 * limit.c
 *		What the machine can do at most, where cp can't show it: bare loops of system calls.
 *
 *		limit reflink raw|packed OUT LAYER… <RUNS	shares every run, in the order of the layers' files
 *		limit decode zlib|zstd OUT LAYER <RUNS		decodes every cluster, on all processors, and writes it
 *		limit direct OUT FILE						copies a file past the page cache, eight requests at a time
 *		limit cached OUT FILE						the same, but for the reads
 *
 * RUNS has a line "layer start length offset" for each run of data, as vmclone-copy map tells it.  "raw"
 * puts runs at their guest offset, "packed" one behind the other, as a qcow2 image may.  The result is
 * synced.  No image is parsed, nothing is checked: a program that makes the same file can't be faster by
 * these calls.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define MAX_LAYERS     256
#define MAX_CLONE      (UINT64_C(256) << 20)
#define DECODE_RUNS    16
#define MAX_CLUSTER    ((size_t) 1 << 21)
#define DIRECT_THREADS 8
#define DIRECT_BYTES   ((size_t) 4 << 20)

struct run
{
	int layer;
	uint64_t start;
	uint64_t length;
	uint64_t host;
};

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static int
compare_sources(const void *a, const void *b)
{
	const struct run *left = a;
	const struct run *right = b;

	if (left->layer != right->layer)
		return left->layer < right->layer ? -1 : 1;
	return left->host < right->host ? -1 : left->host > right->host;
}

static size_t
read_runs(struct run **runs)
{
	size_t count = 0;
	size_t room = 0;
	struct run run;

	while (scanf("%d %" SCNu64 " %" SCNu64 " %" SCNu64, &run.layer, &run.start, &run.length,
				 &run.host) == 4)
	{
		if (count == room)
		{
			room = room * 2 + 1024;
			*runs = realloc(*runs, room * sizeof(run));
			if (*runs == NULL)
				fail("realloc");
		}
		(*runs)[count++] = run;
	}
	return count;
}

static void
clone_run(int out, int layer, const struct run *run)
{
	for (uint64_t done = 0; done < run->length; done += MAX_CLONE)
	{
		uint64_t left = run->length - done;
		struct file_clone_range range = {.src_fd = layer,
										 .src_offset = run->host + done,
										 .src_length = left < MAX_CLONE ? left : MAX_CLONE,
										 .dest_offset = run->start + done};

		if (ioctl(out, FICLONERANGE, &range) != 0)
			fail("FICLONERANGE");
	}
}

static void
reflink(int out, bool packed, char **layers, int layer_count)
{
	int fds[MAX_LAYERS];
	struct run *runs = NULL;
	size_t count = read_runs(&runs);
	size_t merged = 0;
	uint64_t end = 0;

	for (int i = 0; i < layer_count && i < MAX_LAYERS; i++)
	{
		fds[i] = open(layers[i], O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			fail(layers[i]);
	}
	qsort(runs, count, sizeof(*runs), compare_sources);
	for (size_t i = 0; i < count; i++)
	{
		struct run *last = merged > 0 ? &runs[merged - 1] : NULL;

		if (packed)
			runs[i].start = end;
		if (last != NULL && last->layer == runs[i].layer &&
			last->host + last->length == runs[i].host &&
			last->start + last->length == runs[i].start)
			last->length += runs[i].length;
		else
			runs[merged++] = runs[i];
		if (runs[merged - 1].start + runs[merged - 1].length > end)
			end = runs[merged - 1].start + runs[merged - 1].length;
	}
	if (ftruncate(out, (off_t) end) != 0)
		fail("ftruncate");
	for (size_t i = 0; i < merged; i++)
		clone_run(out, fds[runs[i].layer], &runs[i]);
	free(runs);
}

/* Clusters in the order of the file, one behind the other: the next one tells how long one is at most. */
static struct
{
	int in;
	int out;
	bool zstd;
	struct run *runs;
	size_t count;
	atomic_size_t next;
} decode_work;

static size_t
decode_one(struct libdeflate_decompressor *deflate, ZSTD_DCtx *zstd, const unsigned char *from,
		   size_t from_length, unsigned char *to, size_t length)
{
	size_t used;
	size_t made = 0;

	if (!decode_work.zstd)
		return libdeflate_deflate_decompress_ex(deflate, from, from_length, to, length, &used,
												&made) == LIBDEFLATE_SUCCESS
				   ? made
				   : 0;
	used = ZSTD_findFrameCompressedSize(from, from_length);
	made = ZSTD_isError(used) ? used : ZSTD_decompressDCtx(zstd, to, length, from, used);
	return ZSTD_isError(made) ? 0 : made;
}

static void *
decode_loop(void *unused)
{
	struct libdeflate_decompressor *deflate = libdeflate_alloc_decompressor();
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	unsigned char *from = malloc((DECODE_RUNS + 1) * MAX_CLUSTER);
	unsigned char *to = malloc(MAX_CLUSTER);

	(void) unused;
	if (deflate == NULL || zstd == NULL || from == NULL || to == NULL)
		fail("malloc");
	for (;;)
	{
		size_t first = atomic_fetch_add(&decode_work.next, DECODE_RUNS);
		size_t end =
			first + DECODE_RUNS < decode_work.count ? first + DECODE_RUNS : decode_work.count;
		const struct run *runs = decode_work.runs;
		ssize_t got;

		if (first >= decode_work.count)
			break;
		got = pread(decode_work.in, from,
					runs[end - 1].host - runs[first].host + runs[end - 1].length,
					(off_t) runs[first].host);
		for (size_t i = first; i < end; i++)
		{
			size_t at = runs[i].host - runs[first].host;

			if (got < 0 || at >= (size_t) got ||
				decode_one(deflate, zstd, from + at, (size_t) got - at, to, runs[i].length) !=
					runs[i].length)
				fail("decode");
			if (pwrite(decode_work.out, to, runs[i].length, (off_t) runs[i].start) !=
				(ssize_t) runs[i].length)
				fail("write");
		}
	}
	free(from);
	free(to);
	libdeflate_free_decompressor(deflate);
	ZSTD_freeDCtx(zstd);
	return NULL;
}

static void
decode(int out, bool zstd, const char *layer)
{
	pthread_t threads[64];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int count = processors < 1 ? 1 : processors > 64 ? 64 : (int) processors;

	decode_work.in = open(layer, O_RDONLY | O_CLOEXEC);
	if (decode_work.in < 0)
		fail(layer);
	decode_work.out = out;
	decode_work.zstd = zstd;
	decode_work.count = read_runs(&decode_work.runs);
	qsort(decode_work.runs, decode_work.count, sizeof(struct run), compare_sources);
	for (int i = 0; i < count; i++)
	{
		if (pthread_create(&threads[i], NULL, decode_loop, NULL) != 0)
			fail("pthread_create");
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(decode_work.runs);
}

static int direct_in;
static int direct_out;
static uint64_t direct_size;
static atomic_uint_fast64_t direct_next;

static void *
direct_loop(void *bytes)
{
	for (;;)
	{
		uint64_t at = atomic_fetch_add(&direct_next, DIRECT_BYTES);
		ssize_t got;
		size_t whole;

		if (at >= direct_size)
			return NULL;
		got = pread(direct_in, bytes, DIRECT_BYTES, (off_t) at);
		if (got <= 0)
			fail("read");
		whole = ((size_t) got + 4095) & ~(size_t) 4095;
		if (pwrite(direct_out, bytes, whole, (off_t) at) != (ssize_t) whole)
			fail("write");
	}
}

static void
direct(const char *to, const char *from, bool cached)
{
	pthread_t threads[DIRECT_THREADS];
	struct stat status;
	/* Huge pages: a request is two pieces of memory, not a thousand. */
	size_t all = DIRECT_THREADS * DIRECT_BYTES;
	unsigned char *bytes = aligned_alloc((size_t) 2 << 20, all);

	if (bytes == NULL)
		fail("aligned_alloc");
	madvise(bytes, all, MADV_HUGEPAGE);
	direct_in = open(from, O_RDONLY | O_CLOEXEC | (cached ? 0 : O_DIRECT));
	direct_out = open(to, O_WRONLY | O_DIRECT | O_CLOEXEC);
	if (direct_in < 0 || direct_out < 0 || fstat(direct_in, &status) != 0)
		fail(from);
	direct_size = (uint64_t) status.st_size;
	for (int i = 0; i < DIRECT_THREADS; i++)
	{
		if (pthread_create(&threads[i], NULL, direct_loop, bytes + (size_t) i * DIRECT_BYTES) != 0)
			fail("pthread_create");
	}
	for (int i = 0; i < DIRECT_THREADS; i++)
		pthread_join(threads[i], NULL);
	if (ftruncate(direct_out, status.st_size) != 0)
		fail("ftruncate");
	free(bytes);
}

int
main(int argc, char **argv)
{
	bool by_reflink = argc > 4 && strcmp(argv[1], "reflink") == 0;
	bool by_decoding = argc == 5 && strcmp(argv[1], "decode") == 0;
	bool cached = argc == 4 && strcmp(argv[1], "cached") == 0;
	const char *to = argc > 3 ? argv[by_reflink || by_decoding ? 3 : 2] : NULL;
	int out;

	if (!by_reflink && !by_decoding && !cached && (argc != 4 || strcmp(argv[1], "direct") != 0))
		return 2;
	out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		fail(to);
	if (by_reflink)
		reflink(out, strcmp(argv[2], "packed") == 0, argv + 4, argc - 4);
	else if (by_decoding)
		decode(out, strcmp(argv[2], "zstd") == 0, argv[4]);
	else
		direct(to, argv[3], cached);
	if (fsync(out) != 0)
		fail("fsync");
	return 0;
}
