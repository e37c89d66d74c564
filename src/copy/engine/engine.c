/*
 * engine.c
 *		The engine's threads and their memory.
 */
#include <pthread.h>

#include "copy/base/budget.h"
#include "copy/base/lease.h"
#include "copy/engine/engine_internal.h"
#include "copy/base/report.h"

#define BATCHES_PER_BUFFER 4
#define BUFFERS_PER_THREAD 4
#define SPARE_BYTES        (2 * MIB) /* of the budget, for what comes after */
#define SHRINKS_TO         (1 * MIB) /* large buffers, before there are fewer threads */
#define BYTES_A_THREAD                                                                             \
	((uint64_t) 64 * 1024) /* at least: for less, another one is not worth its memory */
#define THREAD_STACK_BYTES ((size_t) 128 * 1024)

/* do_write() and do_read() are called with the engine's mutex held, and let it go while they work. */

static void
do_write(struct engine *engine)
{
	struct batch *batch = queue_pop(&engine->to_write);
	bool good = !engine->failed;

	if (good)
	{
		engine->writing = true;
		pthread_mutex_unlock(&engine->mutex);
		good = write_batch(engine, batch) == 0;
		if (good)
		{
			count_done(engine, batch->bytes);
			good = writeback_add(&engine->writeback, batch->bytes) == 0;
		}
		pthread_mutex_lock(&engine->mutex);
		engine->writing = false;
	}
	release_batch(engine, batch, good);
}

static void
do_read(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct batch *batch = queue_pop(&engine->to_read);
	bool write_later = engine->serial_writes && !batch->remote;
	bool good = !engine->failed;

	if (good)
	{
		batch->buffer = engine->free_buffers;
		engine->free_buffers = batch->buffer->next;
		engine->buffers_free--;
		pthread_mutex_unlock(&engine->mutex);
		if (!throttle_take(engine->options.throttle, batch->bytes))
			good = report_error(COPIER_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled") == 0;
		else if (batch->remote)
			good = copy_remote(engine, batch) == 0;
		else
			good = read_batch(worker, batch) == 0;
		if (good && write_later && write_huge_page(worker, batch))
		{
			count_done(engine, batch->bytes);
			write_later = false;
		}
		else if (good && !write_later)
		{
			good = batch->remote || write_batch(engine, batch) == 0;
			if (good)
				count_done(engine, batch->bytes);
		}
		pthread_mutex_lock(&engine->mutex);
	}
	if (good && write_later)
		queue_push(&engine->to_write, batch);
	else
		release_batch(engine, batch, good);
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

	lease_guard_thread();
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
		return report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a thread");
	return 0;
}

struct engine *
engine_start(const struct engine_options *options)
{
	struct engine *engine = budget_allocate(sizeof(*engine));
	int wanted = options->threads < COPIER_MAX_THREADS ? options->threads : COPIER_MAX_THREADS;

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
	engine->buffer_bytes = budget_allocate_buffers((size_t) engine->buffers * engine->buffer_size);
	if (engine->batch_memory == NULL || engine->end_marks == NULL ||
		engine->buffer_memory == NULL || engine->buffer_bytes == NULL)
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

		buffer->bytes = engine->buffer_bytes + (size_t) i * engine->buffer_size;
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
		/* Without address space for it, the thread writes in the ordinary way. */
		if (engine->options.output->huge_pages)
			engine->workers[i].window = hugepage_open();
		engine->workers[i].works = true;
	}
	return 0;
}

/* Large buffers are halved until the budget has room for one a thread, and the bytes fill them all. */
static void
shrink_buffers(struct engine *engine, size_t per_thread, size_t left, uint64_t bytes)
{
	size_t threads = (size_t) engine->threads;

	while (engine->buffer_size >= 2 * SHRINKS_TO &&
		   engine->buffer_size / 2 >= engine->max_cluster &&
		   (threads * (per_thread + engine->buffer_size) > left ||
			threads * engine->buffer_size > bytes))
	{
		engine->batch_size /= 2;
		engine->buffer_size = engine->batch_size;
	}
}

/* As many threads and buffers as the budget has room for, and this many bytes have work for. */
static int
allocate_all(struct engine *engine, uint64_t bytes)
{
	size_t left = budget_left();
	size_t per_thread = THREAD_STACK_BYTES;
	uint64_t useful = max_u64(1, divide_up(bytes, BYTES_A_THREAD));
	int working = (int) min_u64((uint64_t) engine->threads, useful);

	left = left > SPARE_BYTES ? left - SPARE_BYTES : 0;
	if (engine->max_cluster != 0)
		per_thread += decompressor_memory(engine->max_cluster);
	if (!engine->options.output->huge_pages)
		shrink_buffers(engine, per_thread, left, bytes);
	while (working > 1 && (size_t) working * (per_thread + engine->buffer_size) > left)
		working--;
	engine->buffers = working;
	while (engine->serial_writes && engine->buffers < working * BUFFERS_PER_THREAD &&
		   (uint64_t) engine->buffers < useful &&
		   (size_t) working * per_thread + (size_t) (engine->buffers + 1) * engine->buffer_size <=
			   left)
		engine->buffers++;
	engine->batches = engine->buffers * BATCHES_PER_BUFFER;
	return allocate_parts(engine, working);
}

int
engine_configure(struct engine *engine, size_t buffer_size, uint64_t position, uint64_t end)
{
	int result;

	pthread_mutex_lock(&engine->mutex);
	/* A piece of a compressed cluster must fit whole into a buffer. */
	engine->max_cluster = engine->options.chain->max_cluster;
	engine->serial_writes = engine->options.output->direct_fd < 0;
	writeback_start(&engine->writeback, engine->options.output);
	engine->batch_size = (size_t) max_u64(buffer_size, engine->max_cluster);
	engine->buffer_size = engine->batch_size;
	if (engine->options.output->huge_pages)
		engine->buffer_size = (size_t) max_u64(engine->batch_size, HUGEPAGE_BYTES);
	engine->added = position;
	engine->low_mark = position;
	result = allocate_all(engine, end > position ? end - position : 0);
	engine->configured = result == 0;
	pthread_cond_broadcast(&engine->begin);
	pthread_mutex_unlock(&engine->mutex);
	return result;
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
		hugepage_close(worker->window);
	}
	budget_free(engine->buffer_bytes, (size_t) engine->buffers * engine->buffer_size);
	budget_free(engine->buffer_memory, (size_t) engine->buffers * sizeof(struct buffer));
	budget_free(engine->batch_memory, (size_t) engine->batches * sizeof(struct batch));
	budget_free(engine->end_marks, (size_t) engine->batches * sizeof(uint64_t));
	pthread_mutex_destroy(&engine->mutex);
	pthread_cond_destroy(&engine->begin);
	pthread_cond_destroy(&engine->ready);
	pthread_cond_destroy(&engine->free_again);
	budget_free(engine, sizeof(*engine));
}
