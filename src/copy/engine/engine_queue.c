/*
 * engine_queue.c
 *		Where batches wait: free ones, queued ones, and how far all before have been written.
 */
#include "copy/engine/engine_internal.h"

void
queue_push(struct queue *queue, struct batch *batch)
{
	batch->next = NULL;
	if (queue->tail != NULL)
		queue->tail->next = batch;
	else
		queue->head = batch;
	queue->tail = batch;
}

struct batch *
queue_pop(struct queue *queue)
{
	struct batch *batch = queue->head;

	queue->head = batch->next;
	if (queue->head == NULL)
		queue->tail = NULL;
	return batch;
}

void
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

void
release_batch(struct engine *engine, struct batch *batch, bool good)
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

int
submit_batch(struct engine *engine)
{
	struct batch *batch = engine->filling;
	bool failed;

	engine->filling = NULL;
	pthread_mutex_lock(&engine->mutex);
	batch->sequence = engine->next_sequence++;
	batch->end_mark = engine->added;
	queue_push(&engine->to_read, batch);
	engine->outstanding++;
	failed = engine->failed;
	pthread_cond_signal(&engine->ready);
	pthread_mutex_unlock(&engine->mutex);
	return failed ? -1 : 0;
}

/*
 * A free batch.  One whose sequence number could collide in end_marks must wait for the oldest.
 */
int
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
	engine->filling->whole = false;
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
			submit_batch(engine);
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
