/*
 * engine_internal.h
 *		What the files of the engine share: a piece is a run of bytes that goes to one place, a batch
 *		fills one buffer, a worker is a thread that reads and writes batches.
 *
 * The caller's thread gathers pieces into a batch (engine_add.c) and queues it (engine_queue.c); workers
 * take it (engine.c), read it (engine_read.c) and write it (engine_write.c).  Between submit_batch() and
 * release_batch() a batch belongs to the worker that took it from a queue.
 */
#ifndef COPY_ENGINE_INTERNAL_H
#define COPY_ENGINE_INTERNAL_H

#include <pthread.h>

#include "contract/copier_protocol.h"
#include "copy/chain/decompress.h"
#include "copy/engine/engine.h"
#include "copy/output/hugepage.h"
#include "copy/output/writeback.h"

#define BATCH_PIECES 128

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
	bool whole;            /* no gap, and begins where a huge page of the output does */
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
	struct hugepage_window *window; /* NULL = none */
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
	size_t batch_size; /* of a batch that can't fill a huge page; else buffer_size */
	struct hugepage_pace pace;
	struct writeback writeback; /* of the thread that writes; only with serial_writes */
	uint32_t max_cluster;       /* decompressors are made for this; 0 = none */
	int threads;                /* started */
	bool serial_writes;         /* one thread at a time */
	bool configured;
	int batches;
	struct worker workers[COPIER_MAX_THREADS];
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
	unsigned char *buffer_bytes; /* of all buffers, one behind the other */
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
 * The queue.  These two and release_batch() are called with the mutex held, all others without.
 */

extern void queue_push(struct queue *queue, struct batch *batch);

/* The oldest batch; there must be one. */
extern struct batch *queue_pop(struct queue *queue);

/* The batch is done, or has failed and with it the copy: it, and its buffer, can be used again. */
extern void release_batch(struct engine *engine, struct batch *batch, bool good);

/* Adds written bytes to the progress. */
extern void count_done(struct engine *engine, uint64_t bytes);

/* Makes a free batch engine->filling; waits for one.  0, or -1 if the copy has failed. */
extern int get_batch(struct engine *engine);

/* Queues engine->filling.  0, or -1 if the copy has failed. */
extern int submit_batch(struct engine *engine);

/* Reads all pieces of a batch into its buffer.  0, or -1 after report_error(). */
extern int read_batch(struct worker *worker, const struct batch *batch);

/* Writes what read_batch() has read.  0, or -1 after report_error(). */
extern int write_batch(struct engine *engine, const struct batch *batch);

/*
 * Writes a batch that is one huge page of the output.  False if it isn't one, or has blocks that are
 * to stay holes, or there is no huge page to be had: then write_batch() must do it.
 */
extern bool write_huge_page(struct worker *worker, const struct batch *batch);

/*
 * Has the file server copy the one piece of a remote batch.  The piece can be larger than the buffer,
 * which is used only if the server refuses.  0, or -1 after report_error().
 */
extern int copy_remote(const struct engine *engine, const struct batch *batch);

#endif
