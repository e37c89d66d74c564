/*
 * engine.c
 *		Moves data with threads.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "budget.h"
#include "decompress.h"
#include "engine.h"
#include "fileio.h"
#include "report.h"

#define MAX_THREADS        16
#define BATCH_PIECES       128
#define BATCHES_PER_BUFFER 4
#define BUFFERS_PER_THREAD 4
#define SPARE_BYTES        (2 * MIB) /* of the budget, for what comes after */
#define THREAD_STACK_BYTES ((size_t) 128 * 1024)
#define MAX_REMOTE_BYTES   (64 * MIB) /* a stop must not wait long */
#define ZERO_BLOCK         ((size_t) 4096)

struct piece
{
	uint64_t host;
	uint64_t out;
	uint32_t length;
	uint32_t at; /* in the buffer */
	uint32_t compressed_length;
	uint32_t skip; /* in the decoded cluster */
	int16_t layer;
	uint8_t kind;
};

struct batch
{
	struct batch *next;
	uint64_t sequence;
	uint64_t end_mark; /* bytes added up to the end of this batch */
	uint32_t bytes;    /* of data */
	uint32_t used;     /* of the buffer */
	int count;
	bool remote;           /* one piece, which the file server copies */
	struct buffer *buffer; /* while it is in work */
	struct piece pieces[BATCH_PIECES];
};

struct buffer
{
	struct buffer *next;
	unsigned char *bytes;
};

struct worker
{
	struct engine *engine;
	pthread_t thread;
	bool works; /* there was memory for it */
	struct decompressor *decompressor;
};

/* First in, first out. */
struct queue
{
	struct batch *head;
	struct batch *tail;
};

struct engine
{
	struct engine_options options;
	size_t buffer_size;
	uint32_t max_cluster; /* decompressors are made for this; 0 = none */
	int threads;          /* started */
	bool serial_writes;   /* one thread at a time */
	bool configured;
	int batches;
	struct worker workers[MAX_THREADS];
	struct batch *batch_memory;
	uint64_t *end_marks; /* of completed batches, by sequence modulo "batches"; 0 = not completed */
	pthread_mutex_t mutex;
	pthread_cond_t begin;      /* configured or ending */
	pthread_cond_t ready;      /* for workers */
	pthread_cond_t free_again; /* for the producer */
	struct batch *free_list;
	int free_batches;
	struct batch *filling; /* of the producer */
	struct queue to_read;
	struct queue to_write;
	bool writing; /* one thread writes; only with serial_writes */
	struct buffer *buffer_memory;
	struct buffer *free_buffers;
	int buffers;
	int buffers_free;
	bool readers_wait; /* for several buffers */
	uint64_t added;    /* bytes */
	uint64_t next_sequence;
	uint64_t low_sequence; /* first not completed */
	uint64_t low_mark;
	int outstanding; /* batches queued or in work */
	bool failed;
	bool ending;
};

/*
 * Reading
 */

static int
read_data(const struct layer *layer, unsigned char *to, size_t length, uint64_t host)
{
	int fd = layer->fd;

	if (layer->direct_fd >= 0 && is_aligned(host, layer->direct_alignment) &&
		is_aligned((uintptr_t) to, layer->direct_alignment) &&
		is_aligned(length, layer->direct_alignment))
		fd = layer->direct_fd;
	if (file_read_zero_filled(fd, to, length, host) == 0)
		return 0;
	/* A tail that direct I/O refuses is read buffered. */
	if (fd != layer->fd && errno == EINVAL &&
		file_read_zero_filled(layer->fd, to, length, host) == 0)
		return 0;
	return report_io_error(errno, layer->index, layer->path, host, "could not read data");
}

/* Bytes of a layer that read_compressed() has read ahead. */
struct read_ahead
{
	int layer;
	uint64_t start;
	uint64_t end;
};

/* Compressed pieces that follow each other in the file are read in one go. */
static int
read_compressed(struct worker *worker, const struct batch *batch, int index,
				struct read_ahead *ahead)
{
	const struct piece *piece = &batch->pieces[index];
	const struct layer *layer = &worker->engine->options.chain->layers[piece->layer];
	uint64_t limit = decompressor_read_limit(UINT32_C(1) << layer->qcow2.cluster_bits);
	uint64_t end = piece->host + piece->compressed_length;

	if (ahead->layer != piece->layer || piece->host < ahead->start || end > ahead->end)
	{
		for (int i = index + 1; i < batch->count; i++)
		{
			const struct piece *next = &batch->pieces[i];

			if (next->kind != EXTENT_COMPRESSED || next->layer != piece->layer ||
				next->host < piece->host || next->host > end + ZERO_BLOCK ||
				next->host + next->compressed_length > piece->host + limit)
				break;
			end = max_u64(end, next->host + next->compressed_length);
		}
		if (decompressor_read_ahead(worker->decompressor, layer, piece->host, end - piece->host) !=
			0)
			return -1;
		*ahead = (struct read_ahead){.layer = piece->layer, .start = piece->host, .end = end};
	}
	return decompressor_get(worker->decompressor, layer, piece->host, piece->compressed_length,
							piece->skip, piece->length, batch->buffer->bytes + piece->at);
}

static int
read_batch(struct worker *worker, const struct batch *batch)
{
	const struct chain *chain = worker->engine->options.chain;
	struct read_ahead ahead = {.layer = NO_LAYER};
	int i = 0;

	while (i < batch->count)
	{
		const struct piece *piece = &batch->pieces[i];
		uint32_t length = piece->length;

		if (piece->kind == EXTENT_COMPRESSED)
		{
			if (read_compressed(worker, batch, i++, &ahead) != 0)
				return -1;
			continue;
		}
		/* Pieces that lie side by side in file and buffer are one read. */
		for (i++; i < batch->count && batch->pieces[i].kind == EXTENT_DATA &&
				  batch->pieces[i].layer == piece->layer &&
				  batch->pieces[i].host == piece->host + length &&
				  batch->pieces[i].at == piece->at + length;
			 i++)
			length += batch->pieces[i].length;
		if (read_data(&chain->layers[piece->layer], batch->buffer->bytes + piece->at, length,
					  piece->host) != 0)
			return -1;
	}
	return 0;
}

/*
 * Writing
 */

static int
write_part(const struct output *output, int fd, const unsigned char *from, size_t length,
		   uint64_t offset)
{
	if (length == 0)
		return 0;
	if (file_write(fd, from, length, offset) != 0)
		return report_io_error(errno, NO_LAYER, output->path, offset, "could not write data");
	return 0;
}

/*
 * Whole blocks go past the page cache, the rest through it: no block is ever written both ways.
 */
static int
write_run(const struct output *output, const unsigned char *from, size_t length, uint64_t offset)
{
	size_t head;
	size_t middle;

	if (output->direct_fd < 0)
		return write_part(output, output->fd, from, length, offset);
	head = (size_t) min_u64(align_up(offset, DIRECT_BLOCK) - offset, length);
	middle = (size_t) align_down(length - head, DIRECT_BLOCK);
	if (!is_aligned((uintptr_t) (from + head), output->direct_alignment))
		middle = 0;
	if (write_part(output, output->fd, from, head, offset) != 0 ||
		write_part(output, output->direct_fd, from + head, middle, offset + head) != 0)
		return -1;
	return write_part(output, output->fd, from + head + middle, length - head - middle,
					  offset + head + middle);
}

/* Bytes up to the next block boundary of the output, at most "length". */
static size_t
block_rest(uint64_t offset, size_t length)
{
	return (size_t) min_u64(ZERO_BLOCK - (offset & (ZERO_BLOCK - 1)), length);
}

/* Leaves out zero blocks: they stay holes. */
static int
write_sparse(const struct output *output, const unsigned char *from, size_t length, uint64_t offset)
{
	size_t at = 0;

	while (at < length)
	{
		size_t end = at;
		size_t rest = 0;

		while (end < length)
		{
			rest = block_rest(offset + end, length - end);
			if (memory_is_zero(from + end, rest))
				break;
			end += rest;
			rest = 0;
		}
		if (end > at && write_run(output, from + at, end - at, offset + at) != 0)
			return -1;
		at = end + rest;
	}
	return 0;
}

static int
write_batch(const struct engine *engine, const struct batch *batch)
{
	const struct output *output = engine->options.output;
	int i = 0;

	while (i < batch->count)
	{
		const struct piece *piece = &batch->pieces[i];
		uint32_t length = piece->length;
		int result;

		for (i++; i < batch->count && batch->pieces[i].out == piece->out + length &&
				  batch->pieces[i].at == piece->at + length;
			 i++)
			length += batch->pieces[i].length;
		if (output->skip_zero)
			result = write_sparse(output, batch->buffer->bytes + piece->at, length, piece->out);
		else
			result = write_run(output, batch->buffer->bytes + piece->at, length, piece->out);
		if (result != 0)
			return -1;
	}
	return 0;
}

/*
 * Copying by the file server.  A piece can be larger than the buffer, which is used only if the server
 * refuses.
 */

static int
copy_remote(const struct engine *engine, const struct batch *batch)
{
	const struct piece *piece = &batch->pieces[0];
	const struct layer *layer = &engine->options.chain->layers[piece->layer];
	const struct output *output = engine->options.output;
	uint64_t done = 0;

	while (done < piece->length)
	{
		off_t from = (off_t) (piece->host + done);
		off_t to = (off_t) (piece->out + done);
		ssize_t copied =
			copy_file_range(layer->fd, &from, output->fd, &to, piece->length - done, 0);
		size_t part;

		if (copied > 0)
		{
			done += (uint64_t) copied;
			continue;
		}
		if (copied < 0 && errno == EINTR)
			continue;
		/* Refused, failed, or at the end of the file: read and write tell what is wrong. */
		part = (size_t) min_u64(piece->length - done, engine->buffer_size);
		if (file_read_zero_filled(layer->fd, batch->buffer->bytes, part, piece->host + done) != 0)
			return report_io_error(errno, layer->index, layer->path, piece->host + done,
								   "could not read data");
		if (write_part(output, output->fd, batch->buffer->bytes, part, piece->out + done) != 0)
			return -1;
		done += part;
	}
	return 0;
}

/*
 * Threads.  All of what follows is called with the mutex held unless it says otherwise.
 */

static void
push(struct queue *queue, struct batch *batch)
{
	batch->next = NULL;
	if (queue->tail != NULL)
		queue->tail->next = batch;
	else
		queue->head = batch;
	queue->tail = batch;
}

static struct batch *
pop(struct queue *queue)
{
	struct batch *batch = queue->head;

	queue->head = batch->next;
	if (queue->head == NULL)
		queue->tail = NULL;
	return batch;
}

/* Without the mutex. */
static void
count_done(struct engine *engine, uint64_t bytes)
{
	atomic_fetch_add(&engine->options.progress->bytes_done, bytes);
	if (engine->options.done_ever != NULL)
		atomic_fetch_add(engine->options.done_ever, bytes);
}

static void
advance_mark(struct engine *engine, const struct batch *batch)
{
	uint64_t count = (uint64_t) engine->batches;

	engine->end_marks[batch->sequence % count] = batch->end_mark;
	while (engine->end_marks[engine->low_sequence % count] != 0)
	{
		uint64_t *mark = &engine->end_marks[engine->low_sequence % count];

		engine->low_mark = *mark;
		*mark = 0;
		engine->low_sequence++;
	}
}

/* The batch is done or has failed: it, and its buffer, can be used again. */
static void
release(struct engine *engine, struct batch *batch, bool good)
{
	if (good)
		advance_mark(engine, batch);
	else
		engine->failed = true;
	if (batch->buffer != NULL)
	{
		batch->buffer->next = engine->free_buffers;
		engine->free_buffers = batch->buffer;
		engine->buffers_free++;
		batch->buffer = NULL;
	}
	batch->next = engine->free_list;
	engine->free_list = batch;
	engine->free_batches++;
	engine->outstanding--;
	/*
	 * Who waits is woken when there is enough for several turns: a wake-up costs more than a read, and
	 * on a busy machine its latency is that of the whole copy.
	 */
	if (engine->readers_wait && (engine->buffers_free * 2 >= engine->buffers || engine->failed))
	{
		engine->readers_wait = false;
		pthread_cond_broadcast(&engine->ready);
	}
	if (engine->free_batches * 2 >= engine->batches || engine->outstanding == 0 || engine->failed)
		pthread_cond_signal(&engine->free_again);
}

static void
do_write(struct engine *engine)
{
	struct batch *batch = pop(&engine->to_write);
	bool good = !engine->failed;

	if (good)
	{
		engine->writing = true;
		pthread_mutex_unlock(&engine->mutex);
		good = write_batch(engine, batch) == 0;
		if (good)
			count_done(engine, batch->bytes);
		pthread_mutex_lock(&engine->mutex);
		engine->writing = false;
	}
	release(engine, batch, good);
}

static void
do_read(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct batch *batch = pop(&engine->to_read);
	bool write_later = engine->serial_writes && !batch->remote;
	bool good = !engine->failed;

	if (good)
	{
		batch->buffer = engine->free_buffers;
		engine->free_buffers = batch->buffer->next;
		engine->buffers_free--;
		pthread_mutex_unlock(&engine->mutex);
		if (!throttle_take(engine->options.throttle, batch->bytes))
			good = report_error(REPORT_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled") == 0;
		else if (batch->remote)
			good = copy_remote(engine, batch) == 0;
		else
			good = read_batch(worker, batch) == 0;
		if (good && !write_later)
		{
			good = batch->remote || write_batch(engine, batch) == 0;
			if (good)
				count_done(engine, batch->bytes);
		}
		pthread_mutex_lock(&engine->mutex);
	}
	if (good && write_later)
		push(&engine->to_write, batch);
	else
		release(engine, batch, good);
}

/*
 * A file system lets one thread at a time write to a file through the page cache.  So with
 * serial_writes at most one thread writes, and the others go on reading into further buffers instead
 * of waiting for it.
 */
static void *
worker_main(void *argument)
{
	struct worker *worker = argument;
	struct engine *engine = worker->engine;

	pthread_mutex_lock(&engine->mutex);
	while (!engine->configured && !engine->ending)
		pthread_cond_wait(&engine->begin, &engine->mutex);
	while (worker->works && !engine->ending)
	{
		if (engine->to_write.head != NULL && !engine->writing)
			do_write(engine);
		else if (engine->to_read.head != NULL && engine->free_buffers != NULL)
			do_read(worker);
		else
		{
			if (engine->free_buffers == NULL)
				engine->readers_wait = true;
			pthread_cond_wait(&engine->ready, &engine->mutex);
		}
	}
	pthread_mutex_unlock(&engine->mutex);
	return NULL;
}

static int
start_worker(struct engine *engine, struct worker *worker)
{
	pthread_attr_t attributes;
	int error_number;

	worker->engine = engine;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	error_number = pthread_create(&worker->thread, &attributes, worker_main, worker);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
		return report_error(REPORT_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a thread");
	return 0;
}

struct engine *
engine_start(const struct engine_options *options)
{
	struct engine *engine = budget_allocate(sizeof(*engine));
	int wanted = options->threads < MAX_THREADS ? options->threads : MAX_THREADS;

	if (engine == NULL)
		return NULL;
	engine->options = *options;
	pthread_mutex_init(&engine->mutex, NULL);
	pthread_cond_init(&engine->begin, NULL);
	pthread_cond_init(&engine->ready, NULL);
	pthread_cond_init(&engine->free_again, NULL);
	while (engine->threads < wanted)
	{
		if (start_worker(engine, &engine->workers[engine->threads]) != 0)
		{
			engine_stop(engine);
			return NULL;
		}
		engine->threads++;
	}
	return engine;
}

/* Memory for the batches and "working" threads. */
static int
allocate_parts(struct engine *engine, int working)
{
	engine->batch_memory = budget_allocate((size_t) engine->batches * sizeof(struct batch));
	engine->end_marks = budget_allocate((size_t) engine->batches * sizeof(uint64_t));
	engine->buffer_memory = budget_allocate((size_t) engine->buffers * sizeof(struct buffer));
	if (engine->batch_memory == NULL || engine->end_marks == NULL || engine->buffer_memory == NULL)
		return -1;
	for (int i = 0; i < engine->batches; i++)
	{
		engine->batch_memory[i].next = engine->free_list;
		engine->free_list = &engine->batch_memory[i];
	}
	engine->free_batches = engine->batches;
	for (int i = 0; i < engine->buffers; i++)
	{
		struct buffer *buffer = &engine->buffer_memory[i];

		buffer->bytes = budget_allocate(engine->buffer_size);
		if (buffer->bytes == NULL)
			return -1;
		buffer->next = engine->free_buffers;
		engine->free_buffers = buffer;
	}
	engine->buffers_free = engine->buffers;
	for (int i = 0; i < working; i++)
	{
		if (engine->max_cluster != 0)
		{
			engine->workers[i].decompressor = decompressor_open(engine->max_cluster);
			if (engine->workers[i].decompressor == NULL)
				return -1;
		}
		engine->workers[i].works = true;
	}
	return 0;
}

/* As many threads and buffers as the budget has room for. */
static int
allocate_all(struct engine *engine)
{
	size_t left = budget_left();
	size_t per_thread = THREAD_STACK_BYTES;
	int working = engine->threads;

	left = left > SPARE_BYTES ? left - SPARE_BYTES : 0;
	if (engine->max_cluster != 0)
		per_thread += decompressor_memory(engine->max_cluster);
	while (working > 1 && (size_t) working * (per_thread + engine->buffer_size) > left)
		working--;
	engine->buffers = working;
	while (engine->serial_writes && engine->buffers < working * BUFFERS_PER_THREAD &&
		   (size_t) working * per_thread + (size_t) (engine->buffers + 1) * engine->buffer_size <=
			   left)
		engine->buffers++;
	engine->batches = engine->buffers * BATCHES_PER_BUFFER;
	return allocate_parts(engine, working);
}

int
engine_configure(struct engine *engine, size_t buffer_size, uint64_t position)
{
	int result;

	pthread_mutex_lock(&engine->mutex);
	/* A piece of a compressed cluster must fit whole into a buffer. */
	engine->max_cluster = engine->options.chain->max_cluster;
	engine->serial_writes = engine->options.output->direct_fd < 0;
	engine->buffer_size = (size_t) max_u64(buffer_size, engine->max_cluster);
	engine->added = position;
	engine->low_mark = position;
	result = allocate_all(engine);
	engine->configured = result == 0;
	pthread_cond_broadcast(&engine->begin);
	pthread_mutex_unlock(&engine->mutex);
	return result;
}

static int
submit(struct engine *engine)
{
	struct batch *batch = engine->filling;
	bool failed;

	engine->filling = NULL;
	pthread_mutex_lock(&engine->mutex);
	batch->sequence = engine->next_sequence++;
	batch->end_mark = engine->added;
	push(&engine->to_read, batch);
	engine->outstanding++;
	failed = engine->failed;
	pthread_cond_signal(&engine->ready);
	pthread_mutex_unlock(&engine->mutex);
	return failed ? -1 : 0;
}

/*
 * A free batch.  One whose sequence number could collide in end_marks must wait for the oldest.
 */
static int
get_batch(struct engine *engine)
{
	pthread_mutex_lock(&engine->mutex);
	while (!engine->failed &&
		   (engine->free_list == NULL ||
			engine->next_sequence - engine->low_sequence >= (uint64_t) engine->batches))
		pthread_cond_wait(&engine->free_again, &engine->mutex);
	if (engine->failed)
	{
		pthread_mutex_unlock(&engine->mutex);
		return -1;
	}
	engine->filling = engine->free_list;
	engine->free_list = engine->filling->next;
	engine->free_batches--;
	pthread_mutex_unlock(&engine->mutex);
	engine->filling->bytes = 0;
	engine->filling->used = 0;
	engine->filling->count = 0;
	engine->filling->remote = false;
	return 0;
}

int
engine_add(struct engine *engine, const struct extent *extent, uint64_t skip, uint64_t length,
		   uint64_t out_offset)
{
	size_t capacity = engine->buffer_size;

	while (length > 0)
	{
		struct batch *batch = engine->filling;
		struct piece *piece;
		uint32_t at;
		uint64_t part;
		bool joins;

		if (batch == NULL)
		{
			if (get_batch(engine) != 0)
				return -1;
			batch = engine->filling;
		}
		/*
		 * A piece lies in the buffer as it will lie in the file: behind the one before where it goes
		 * on there, else with the same alignment, for direct I/O.
		 */
		joins = batch->count > 0 &&
				batch->pieces[batch->count - 1].out + batch->pieces[batch->count - 1].length ==
					out_offset;
		at = batch->used;
		if (!joins)
			at += (uint32_t) ((out_offset - at) & (DIRECT_BLOCK - 1));
		part = at < capacity ? min_u64(length, capacity - at) : 0;
		if (batch->count == BATCH_PIECES || part == 0 ||
			(extent->kind == EXTENT_COMPRESSED && part < length && batch->count > 0))
		{
			if (submit(engine) != 0)
				return -1;
			continue;
		}
		piece = &batch->pieces[batch->count++];
		piece->out = out_offset;
		piece->length = (uint32_t) part;
		piece->at = at;
		piece->layer = extent->layer;
		piece->kind = extent->kind;
		piece->compressed_length = extent->compressed_length;
		if (extent->kind == EXTENT_COMPRESSED)
		{
			uint32_t bits = engine->options.chain->layers[extent->layer].qcow2.cluster_bits;

			piece->host = extent->host;
			piece->skip = (uint32_t) ((extent->start + skip) & ((UINT64_C(1) << bits) - 1));
		}
		else
		{
			piece->host = extent->host + skip;
			piece->skip = 0;
		}
		batch->used = at + (uint32_t) part;
		batch->bytes += (uint32_t) part;
		engine->added += part;
		skip += part;
		length -= part;
		out_offset += part;
		if (batch->used >= capacity && submit(engine) != 0)
			return -1;
	}
	return 0;
}

int
engine_add_remote(struct engine *engine, const struct extent *extent, uint64_t skip,
				  uint64_t length, uint64_t out_offset)
{
	while (length > 0)
	{
		uint32_t part = (uint32_t) min_u64(length, MAX_REMOTE_BYTES);
		struct batch *batch;

		if (engine->filling != NULL && submit(engine) != 0)
			return -1;
		if (get_batch(engine) != 0)
			return -1;
		batch = engine->filling;
		batch->remote = true;
		batch->count = 1;
		batch->bytes = part;
		batch->pieces[0] = (struct piece){.host = extent->host + skip,
										  .out = out_offset,
										  .length = part,
										  .layer = extent->layer,
										  .kind = extent->kind};
		engine->added += part;
		if (submit(engine) != 0)
			return -1;
		skip += part;
		out_offset += part;
		length -= part;
	}
	return 0;
}

void
engine_add_done(struct engine *engine, uint64_t length)
{
	count_done(engine, length);
	pthread_mutex_lock(&engine->mutex);
	engine->added += length;
	/* With nothing under way, all that was added is written. */
	if (engine->outstanding == 0 && engine->filling == NULL)
		engine->low_mark = engine->added;
	pthread_mutex_unlock(&engine->mutex);
}

uint64_t
engine_low_mark(struct engine *engine)
{
	uint64_t mark;

	pthread_mutex_lock(&engine->mutex);
	mark = engine->low_mark;
	pthread_mutex_unlock(&engine->mutex);
	return mark;
}

int
engine_drain(struct engine *engine)
{
	bool failed;

	if (engine->filling != NULL)
	{
		if (engine->filling->count > 0)
			submit(engine);
		else
			engine->filling = NULL;
	}
	pthread_mutex_lock(&engine->mutex);
	while (engine->outstanding > 0)
		pthread_cond_wait(&engine->free_again, &engine->mutex);
	failed = engine->failed;
	if (!failed)
		engine->low_mark = engine->added;
	pthread_mutex_unlock(&engine->mutex);
	return failed ? -1 : 0;
}

void
engine_stop(struct engine *engine)
{
	if (engine == NULL)
		return;
	pthread_mutex_lock(&engine->mutex);
	engine->ending = true;
	pthread_cond_broadcast(&engine->begin);
	pthread_cond_broadcast(&engine->ready);
	pthread_mutex_unlock(&engine->mutex);
	for (int i = 0; i < engine->threads; i++)
	{
		struct worker *worker = &engine->workers[i];

		pthread_join(worker->thread, NULL);
		decompressor_close(worker->decompressor, engine->max_cluster);
	}
	for (int i = 0; engine->buffer_memory != NULL && i < engine->buffers; i++)
		budget_free(engine->buffer_memory[i].bytes, engine->buffer_size);
	budget_free(engine->buffer_memory, (size_t) engine->buffers * sizeof(struct buffer));
	budget_free(engine->batch_memory, (size_t) engine->batches * sizeof(struct batch));
	budget_free(engine->end_marks, (size_t) engine->batches * sizeof(uint64_t));
	pthread_mutex_destroy(&engine->mutex);
	pthread_cond_destroy(&engine->begin);
	pthread_cond_destroy(&engine->ready);
	pthread_cond_destroy(&engine->free_again);
	budget_free(engine, sizeof(*engine));
}
