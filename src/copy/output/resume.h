/*
 * resume.h
 *		The record beside the output (--resume FILE) that lets a killed copy go on.
 *
 * It is made before the output exists, synced with the first checkpoint, and locked for as long as the
 * copier runs.  It knows the output (inode and time of birth, or which device: what is the same from any host) before that has its name, so that no
 * other file is ever taken for it.  Checkpoints alternate between two checksummed slots: a mark is sampled, then the
 * output is synced, then the mark is written and synced.  A third page, shared in memory, counts the
 * bytes done by all runs, so that what was done twice is known even after a kill.
 */
#ifndef COPY_RESUME_H
#define COPY_RESUME_H

#include <pthread.h>
#include <stdatomic.h>

#include "copy/base/fingerprint.h"
#include "copy/output/output.h"

enum resume_phase
{
	RESUME_START, /* the output may be there; nothing is known about its contents */
	RESUME_ZERO,  /* device bytes below the mark are zeroed */
	RESUME_DATA   /* the first "mark" bytes of the stream of data are in the output */
};

/* One checkpoint, as it is in the file. */
struct resume_slot
{
	uint64_t sequence;
	uint64_t phase;                 /* enum resume_phase */
	uint64_t mark;                  /* bytes */
	struct fingerprint fingerprint; /* of options, layers, extents and layout; 0 = not known yet */
	uint64_t output_known;
	uint64_t output_device; /* file_device_identity(); of files nothing */
	uint64_t output_inode;
	uint64_t output_is_block_device;
	uint64_t output_birth;       /* file_birth() */
	struct fingerprint checksum; /* of all the above and the nonce */
};

struct resume
{
	const char *path;
	const char *name;
	int directory_fd;
	int fd;
	uint64_t nonce;
	uint64_t claim;
	uint64_t since; /* what an older claim has noted is not so any more; 0 = nothing is */
	bool found;     /* the record was there: slot holds its last checkpoint */
	bool made;      /* by this run, under its name */
	bool name_synced;
	struct resume_slot slot;
	atomic_uint_fast64_t *done_ever; /* shared page; bytes of data done by all runs */
	pthread_mutex_t mutex;           /* protects slot and the file */
};

/*
 * Opens and locks the record, or makes it; not where a file is at the output's place already, which a
 * new record can't know.  "claim" (0 = none) numbers those who were given the task: a record of a newer one
 * is refused (COPIER_SUPERSEDED), else it is under this claim from now on.  What was noted under a claim before "since"
 * (0 = none) is not believed: others, whose record lies elsewhere, had the output in between.  0, or -1 after report_error().
 */
extern int resume_open(struct resume *resume, const char *path, const char *output_path,
					   uint64_t claim, uint64_t since);

/*
 * Is the file at the output's place the one this record speaks about?  "birth" is file_birth(): numbers
 * of inodes come again.
 */
extern bool resume_owns(const struct resume *resume, const struct stat *output, uint64_t birth);

/*
 * The name under which the output is made before the record knows it: "NAME.NONCE.new", which nobody
 * can guess.  0, or -1 after report_error() if it is too long.
 */
extern int resume_temporary_name(const struct resume *resume, const char *name, char *temporary,
								 size_t size);

/* Remembers which file is the output; a "fresh" one holds nothing yet.  0, or -1 after report_error(). */
extern int resume_set_output(struct resume *resume, const struct output *output, bool fresh);

/*
 * Compares what is to be copied with the record.  True: go on from slot.phase and slot.mark.  False:
 * the record now speaks about the new work, from zero; the caller empties the output.  *failed is set
 * after report_error().
 */
extern bool resume_matches(struct resume *resume, const struct fingerprint *fingerprint,
						   bool *failed);

/*
 * Writes a checkpoint; the output must be synced up to it.  Not synced itself: it counts unless the machine crashes.  Not
 * where somebody with a newer claim has the record by now, which can be where locks are lost (NFS).  0, or -1 after
 * report_error().
 */
extern int resume_checkpoint(struct resume *resume, enum resume_phase phase, uint64_t mark,
							 bool synced);

/* Removes the record: the copy is finished, or nothing of it is left. */
extern void resume_remove(struct resume *resume);

extern void resume_close(struct resume *resume);

#endif
