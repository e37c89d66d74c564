/*
 * volume_sync.c
 *		Syncs several files and directories at the same time.
 *
 * Each sync waits for the file system's log and for the device's own cache, even if the one before has written all that
 * there was.  Those that wait at the same time wait for the same write.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define MOST_FILES         3
#define THREAD_STACK_BYTES ((size_t) 64 * 1024)

/* It changes nothing that is written, so no lease guards it. */
static void *
sync_file(void *argument)
{
	VolumeSync *file = argument;

	file->error_number = fsync(file->fd) == 0 ? 0 : errno;
	return NULL;
}

/* Without a thread to be had it is done at once. */
static bool
start(VolumeSync *file, pthread_t *thread)
{
	pthread_attr_t attributes;
	bool started;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	started = pthread_create(thread, &attributes, sync_file, file) == 0;
	pthread_attr_destroy(&attributes);
	if (!started)
		(void) sync_file(file);
	return started;
}

/* What is in memory of all files is with the device, and how it lies there in the log, before the first sync. */
static bool
write_out(const VolumeSync *files, int count)
{
	for (int i = 0; i < count; i++)
		(void) sync_file_range(files[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (int i = 0; i < count; i++)
		if (!volume_write_out(files[i].fd, files[i].name))
			return false;
	return true;
}

bool
volume_sync_together(VolumeSync *files, int count, int rootfd)
{
	pthread_t threads[MOST_FILES];
	bool started[MOST_FILES];
	bool done;

	if (!write_out(files, count))
		return false;
	for (int i = 0; i < count; i++)
		started[i] = start(&files[i], &threads[i]);
	done = volume_sync_above(rootfd);
	for (int i = 0; i < count; i++)
		if (started[i])
			pthread_join(threads[i], NULL);
	for (int i = 0; done && i < count; i++)
	{
		errno = files[i].error_number;
		done = errno == 0 || volume_fail_errno(files[i].name, "could not sync");
	}
	return done;
}
