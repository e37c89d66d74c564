/*
 * resume.c
 *		The record beside the output that lets a killed copy go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/remover.h"
#include "copy/base/report.h"
#include "copy/output/resume.h"
#include "copy/base/rootpath.h"

#define PAGE                  RECORD_PAGE
#define FILE_PAGES            4 /* identity, two slots, counter */
#define SLOT_OFFSET(sequence) (((sequence) % 2 + 1) * PAGE)
#define COUNTER_OFFSET        (3 * PAGE)
#define RECORD_MODE           0600

static const char magic[32] = "vmclone-copy resume record 2\n";

struct identity_page
{
	char magic[32];
	uint64_t nonce;
	uint64_t claim;                 /* of whoever wrote last; 0 in records of before claims */
	struct fingerprint output_name; /* 0 in older records */
};

static int
io_error(const struct resume *resume, const char *what)
{
	return report_io_error(errno, NO_LAYER, resume->path, NO_OFFSET, "could not %s resume record",
						   what);
}

static struct fingerprint
slot_checksum(const struct resume *resume, const struct resume_slot *slot)
{
	struct fingerprint sum = {resume->nonce, ~resume->nonce};
	const uint64_t *words = (const uint64_t *) slot;

	for (size_t i = 0; i < offsetof(struct resume_slot, checksum) / sizeof(uint64_t); i++)
		fingerprint_add(&sum, words[i]);
	return sum;
}

static int
lock_record(const struct resume *resume, int fd)
{
	int locked = file_lock(fd);

	if (locked == 0)
		return report_error(COPIER_BUSY, 0, NO_LAYER, resume->path, NO_OFFSET,
							"resume record is in use by another copy");
	return locked < 0 ? io_error(resume, "lock") : 0;
}

static int
learn_record(const struct resume *resume)
{
	return remover_learn(REMOVABLE_RECORD, resume->directory_fd, resume->name, resume->fd,
						 resume->path);
}

static int
check_claim(const struct resume *resume, const struct identity_page *identity)
{
	if (identity->claim <= resume->claim)
		return 0;
	return report_error(COPIER_SUPERSEDED, 0, NO_LAYER, resume->path, NO_OFFSET,
						"resume record is under claim %" PRIu64 ", newer than claim %" PRIu64
						" of this copier",
						identity->claim, resume->claim);
}

/* The same from any host: without the folders above it. */
static struct fingerprint
name_of_output(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct fingerprint name = {0};

	for (const char *c = slash ? slash + 1 : path; *c != '\0'; c++)
		fingerprint_add(&name, (unsigned char) *c);
	return name;
}

/* It would begin another file from zero, and forget the one that it was made for. */
static int
check_output_name(const struct resume *resume, const struct identity_page *identity,
				  const char *output_path)
{
	struct fingerprint name = name_of_output(output_path);
	struct fingerprint known = identity->output_name;

	if ((known.low == 0 && known.high == 0) || (known.low == name.low && known.high == name.high))
		return 0;
	return report_error(
		COPIER_EXISTS, 0, NO_LAYER, resume->path, NO_OFFSET,
		"resume record was made for another output than \"%s\"; go on with that one, or "
		"remove both",
		output_path);
}

static int
read_identity(const struct resume *resume, struct identity_page *identity)
{
	ssize_t got = file_read(resume->fd, identity, sizeof(*identity), 0);

	if (got < 0)
		return io_error(resume, "read");
	if (got != (ssize_t) sizeof(*identity) || memcmp(identity->magic, magic, sizeof(magic)) != 0)
		return report_error(COPIER_EXISTS, 0, NO_LAYER, resume->path, NO_OFFSET,
							"file is not a resume record of vmclone-copy");
	return 0;
}

/* The record is ours now: whoever has an older claim finds that out before he goes on. */
static int
write_claim(const struct resume *resume)
{
	if (file_write(resume->fd, &resume->claim, sizeof(resume->claim),
				   offsetof(struct identity_page, claim)) != 0 ||
		fdatasync(resume->fd) != 0)
		return io_error(resume, "write");
	return 0;
}

/* What the record says of the output is of no use; that it is this output's stays. */
static void
forget_progress(struct resume *resume)
{
	memset(&resume->slot.fingerprint, 0, sizeof(resume->slot.fingerprint));
	resume->slot.phase = RESUME_START;
	resume->slot.mark = 0;
}

/* Reads the newer one of the two valid slots; none = a record from before the first checkpoint. */
static int
load_record(struct resume *resume, const char *output_path)
{
	struct identity_page identity;
	uint64_t size;
	bool found = false;

	if (read_identity(resume, &identity) != 0)
		return -1;
	if (file_size(resume->fd, &size) != 0 || size != FILE_PAGES * PAGE)
		return report_error(COPIER_EXISTS, 0, NO_LAYER, resume->path, NO_OFFSET,
							"file is not a resume record of vmclone-copy");
	resume->nonce = identity.nonce;
	if (check_claim(resume, &identity) != 0 ||
		check_output_name(resume, &identity, output_path) != 0)
		return -1;
	for (uint64_t i = 0; i < 2; i++)
	{
		struct resume_slot slot;
		struct fingerprint sum;

		if (file_read(resume->fd, &slot, sizeof(slot), SLOT_OFFSET(i)) != (ssize_t) sizeof(slot))
			return io_error(resume, "read");
		sum = slot_checksum(resume, &slot);
		if (memcmp(&sum, &slot.checksum, sizeof(sum)) == 0 &&
			(!found || slot.sequence > resume->slot.sequence))
		{
			resume->slot = slot;
			found = true;
		}
	}
	resume->found = true;
	if (identity.claim < resume->since)
		forget_progress(resume);
	return 0;
}

/*
 * Not synced where an older slot says nothing that could be wrong: after the crash of a machine there is then no record,
 * or one without content, and what there is of the output is done again.
 */
static int
write_slot(struct resume *resume, bool synced)
{
	struct resume_slot *slot = &resume->slot;
	struct identity_page identity;

	if (read_identity(resume, &identity) != 0 || check_claim(resume, &identity) != 0)
		return -1;

	slot->sequence++;
	slot->checksum = slot_checksum(resume, slot);
	if (file_write(resume->fd, slot, sizeof(*slot), SLOT_OFFSET(slot->sequence)) != 0 ||
		(synced && fdatasync(resume->fd) != 0))
		return io_error(resume, "write");
	if (!synced || resume->name_synced)
		return 0;
	if (file_sync_directory(resume->directory_fd) != 0)
		return io_error(resume, "sync the directory of");
	resume->name_synced = true;
	return 0;
}

/*
 * What is left under the temporary name by a copier that was killed: nothing yet, zeroes, or a whole
 * record.  Anything else is somebody's file.
 */
static bool
is_left_over(int fd)
{
	unsigned char bytes[FILE_PAGES * PAGE + 1];
	ssize_t got = file_read(fd, bytes, sizeof(bytes), 0);

	return got >= 0 && (size_t) got < sizeof(bytes) &&
		   (memory_is_zero(bytes, (size_t) got) ||
			((size_t) got >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0));
}

/* Opens a new file of the temporary name, locked. */
static int
open_temporary(struct resume *resume, const char *temporary)
{
	int flags = O_RDWR | O_NONBLOCK | O_NOCTTY;
	bool ours;

	resume->fd =
		open_in_directory(resume->directory_fd, temporary, flags | O_CREAT | O_EXCL, RECORD_MODE);
	if (resume->fd < 0 && errno == EEXIST)
	{
		resume->fd = open_in_directory(resume->directory_fd, temporary, flags, 0);
		if (resume->fd < 0)
			return io_error(resume, "create");
		if (lock_record(resume, resume->fd) != 0)
			return -1;
		ours = is_left_over(resume->fd);
		close(resume->fd);
		resume->fd = -1;
		if (!ours)
			return report_error(COPIER_EXISTS, EEXIST, NO_LAYER, resume->path, NO_OFFSET,
								"could not make resume record: \"%s\" is another file", temporary);
		if (unlinkat(resume->directory_fd, temporary, 0) != 0)
			return io_error(resume, "create");
		resume->fd = open_in_directory(resume->directory_fd, temporary, flags | O_CREAT | O_EXCL,
									   RECORD_MODE);
	}
	if (resume->fd < 0)
		return io_error(resume, "create");
	return lock_record(resume, resume->fd);
}

/* Fills a new record and gives it its name. */
static int
fill_record(struct resume *resume, const char *temporary, const char *output_path)
{
	static const unsigned char zeroes[FILE_PAGES * PAGE];
	struct identity_page identity = {0};

	memcpy(identity.magic, magic, sizeof(magic));
	if (getrandom(&identity.nonce, sizeof(identity.nonce), 0) != (ssize_t) sizeof(identity.nonce))
		return io_error(resume, "create");
	resume->nonce = identity.nonce;
	identity.claim = resume->claim;
	identity.output_name = name_of_output(output_path);
	if (file_write(resume->fd, zeroes, sizeof(zeroes), 0) != 0 ||
		file_write(resume->fd, &identity, sizeof(identity), 0) != 0)
		return io_error(resume, "write");
	if (rename_in_directory(resume->directory_fd, temporary, resume->name) != 0)
		return io_error(resume, "rename");
	resume->made = true;
	if (learn_record(resume) != 0)
	{
		unlink_if_same(resume->directory_fd, resume->name, resume->fd);
		return -1;
	}
	return 0;
}

/* Makes the record under another name, so that it is complete when it has its own. */
static int
create_record(struct resume *resume, const char *output_path)
{
	char temporary[NAME_MAX + 1];
	int length = snprintf(temporary, sizeof(temporary), "%s" RECORD_TEMPORARY_SUFFIX, resume->name);

	if (length < 0 || (size_t) length >= sizeof(temporary))
		return report_error(COPIER_USAGE, ENAMETOOLONG, NO_LAYER, resume->path, NO_OFFSET,
							"could not make resume record");
	if (open_temporary(resume, temporary) == 0 && fill_record(resume, temporary, output_path) == 0)
		return 0;
	/* busy: another copier has taken it over */
	if (resume->fd >= 0 && report_get().kind != COPIER_BUSY)
		unlink_if_same(resume->directory_fd, temporary, resume->fd);
	return -1;
}

/*
 * Opens and locks the record, if there is one (else fd = -1).  It must still have its name then: before, the process that
 * cleans up after a killed copier may have removed it.  0, or -1 after report_error().
 */
static int
open_record(struct resume *resume)
{
	struct stat opened;
	struct stat named;

	resume->fd =
		open_in_directory(resume->directory_fd, resume->name, O_RDWR | O_NONBLOCK | O_NOCTTY, 0);
	if (resume->fd < 0)
		return errno == ENOENT ? 0 : io_error(resume, "open");
	if (lock_record(resume, resume->fd) != 0)
		return -1;
	if (fstat(resume->fd, &opened) != 0)
		return io_error(resume, "stat");
	if (fstatat(resume->directory_fd, resume->name, &named, AT_SYMLINK_NOFOLLOW) == 0)
	{
		if (named.st_dev == opened.st_dev && named.st_ino == opened.st_ino)
			return 0;
		return report_error(COPIER_BUSY, 0, NO_LAYER, resume->path, NO_OFFSET,
							"resume record was replaced meanwhile by another copy");
	}
	if (errno != ENOENT)
		return io_error(resume, "stat");
	close(resume->fd);
	resume->fd = -1;
	return 0;
}

int
resume_open(struct resume *resume, const char *path, const char *output_path, uint64_t claim,
			uint64_t since)
{
	unsigned char *record;

	memset(resume, 0, sizeof(*resume));
	resume->path = path;
	resume->claim = claim;
	resume->since = since;
	resume->fd = -1;
	pthread_mutex_init(&resume->mutex, NULL);
	resume->directory_fd = root_open_directory_of(path, &resume->name);
	if (resume->directory_fd < 0)
		return io_error(resume, "open the directory of");
	if (open_record(resume) != 0)
		return -1;
	if (resume->fd >= 0)
	{
		if (load_record(resume, output_path) != 0 || write_claim(resume) != 0 ||
			learn_record(resume) != 0)
			return -1;
	}
	else if (root_refuse_file(output_path) != 0 || create_record(resume, output_path) != 0)
		return -1;
	/* from its beginning, which is a multiple of any page size */
	record = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, resume->fd, 0);
	if (record == MAP_FAILED)
		return io_error(resume, "map");
	resume->done_ever = (void *) (record + COUNTER_OFFSET);
	return 0;
}

bool
resume_owns(const struct resume *resume, const struct stat *output, uint64_t birth)
{
	const struct resume_slot *slot = &resume->slot;
	bool is_block_device = S_ISBLK(output->st_mode);

	if (!resume->found || !slot->output_known ||
		(slot->output_is_block_device != 0) != is_block_device)
		return false;
	if (is_block_device)
		return slot->output_device == file_device_identity(output);
	return slot->output_inode == output->st_ino &&
		   (slot->output_birth == birth || slot->output_birth == 0 || birth == 0);
}

int
resume_temporary_name(const struct resume *resume, const char *name, char *temporary, size_t size)
{
	int length = snprintf(temporary, size, "%s.%016" PRIx64 ".new", name, resume->nonce);

	if (length < 0 || (size_t) length >= size)
		return report_error(COPIER_USAGE, ENAMETOOLONG, NO_LAYER, name, NO_OFFSET,
							"could not make the output with a resume record");
	return 0;
}

int
resume_set_output(struct resume *resume, const struct output *output, bool fresh)
{
	struct resume_slot *slot = &resume->slot;

	if (!fresh && slot->output_known && slot->output_device == output->device_identity &&
		slot->output_inode == output->inode &&
		(slot->output_is_block_device != 0) == output->is_block_device)
		return 0;
	forget_progress(resume);
	slot->output_known = 1;
	slot->output_device = output->device_identity;
	slot->output_inode = output->inode;
	slot->output_is_block_device = output->is_block_device;
	slot->output_birth = output->birth;
	return write_slot(resume, resume->found || output->is_block_device);
}

/* A phase that this output can be in, beyond its start: only devices are zeroed. */
static bool
is_under_way(const struct resume_slot *slot)
{
	return slot->phase == RESUME_DATA ||
		   (slot->phase == RESUME_ZERO && slot->output_is_block_device != 0);
}

bool
resume_matches(struct resume *resume, const struct fingerprint *fingerprint, bool *failed)
{
	struct resume_slot *slot = &resume->slot;

	*failed = false;
	if (is_under_way(slot) && memcmp(&slot->fingerprint, fingerprint, sizeof(*fingerprint)) == 0)
		return true;
	atomic_store(resume->done_ever, 0);
	slot->fingerprint = *fingerprint;
	slot->phase = RESUME_START;
	slot->mark = 0;
	*failed = write_slot(resume, resume->found) != 0;
	return false;
}

int
resume_checkpoint(struct resume *resume, enum resume_phase phase, uint64_t mark, bool synced)
{
	int result = 0;

	pthread_mutex_lock(&resume->mutex);
	if (phase != resume->slot.phase || mark != resume->slot.mark)
	{
		resume->slot.phase = phase;
		resume->slot.mark = mark;
		result = write_slot(resume, synced);
	}
	pthread_mutex_unlock(&resume->mutex);
	return result;
}

void
resume_remove(struct resume *resume)
{
	if (resume->fd >= 0)
		remover_remove(REMOVABLE_RECORD);
}

void
resume_close(struct resume *resume)
{
	if (resume->done_ever != NULL)
		munmap((unsigned char *) resume->done_ever - COUNTER_OFFSET, FILE_PAGES * PAGE);
	if (resume->fd >= 0)
		close(resume->fd);
	if (resume->directory_fd >= 0)
		close(resume->directory_fd);
	resume->done_ever = NULL;
	resume->fd = resume->directory_fd = -1;
}
