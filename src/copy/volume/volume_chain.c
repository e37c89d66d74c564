/*
 * volume_chain.c
 *		Which files an image is made of, as its headers name them: one line for each layer, the image first.
 *
 * Headers are hostile.  Each is read by a process of its own in the sandbox, from an open file; only the name and format that
 * it answers come back.  Here the name is taken as text, and what it leads to is opened below the root or not at all.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"
#include "copy/base/safeopen.h"
#include "copy/base/sandbox.h"
#include "copy/base/utf8.h"
#include "copy/chain/qcow2_header.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the process that reads a header says, which may be in the image's hands: any bytes. */
typedef struct Header
{
	uint32_t refused; /* not 0: with offset and message */
	uint64_t virtual_size;
	uint32_t snapshot_count;
	char backing_name[QCOW2_MAX_BACKING_NAME + 1];
	char backing_format[32];
	uint64_t offset;
	char message[256];
} Header;

/* A layer, and whom the walk has met before. */
typedef struct Walk
{
	const VolumeOptions *options;
	const char *root; /* real path of the directory */
	int rootfd;
	int count;
	struct
	{
		dev_t device;
		ino_t inode;
	} seen[COPIER_MAX_LAYERS];
	char file[PATH_MAX]; /* below the root, plain */
	bool is_qcow2;
	struct stat status;
	Header header;
} Walk;

/* ---------- one header ---------- */

static void
read_header(const Walk *walk, int fd, Header *header)
{
	struct layer layer = {.shown_as = NO_LAYER,
						  .format = FORMAT_QCOW2,
						  .path = walk->file,
						  .fd = fd,
						  .direct_fd = -1,
						  .file_size = (uint64_t) walk->status.st_size};

	if (sandbox_enter() == 0 && qcow2_read_header(&layer, NULL) == 0)
	{
		header->virtual_size = layer.virtual_size;
		header->snapshot_count = layer.qcow2.snapshot_count;
		memcpy(header->backing_name, layer.qcow2.backing_name, sizeof(header->backing_name));
		memcpy(header->backing_format, layer.qcow2.backing_format, sizeof(header->backing_format));
	}
	else
	{
		struct report report = report_get();

		header->refused = 1;
		header->offset = report.offset;
		snprintf(header->message, sizeof(header->message), "%.255s", report.message);
	}
}

/* In the child: what it writes is all that comes of it. */
static void
answer_header(const Walk *walk, int fd, int to)
{
	Header header = {0};
	ssize_t written;

	sandbox_prepare(true);
	read_header(walk, fd, &header);
	written = write(to, &header, sizeof(header));
	_exit(written == (ssize_t) sizeof(header) ? 0 : 1);
}

/* All bytes of the child's answer: fewer, and it has died. */
static bool
receive_header(int from, Header *header)
{
	size_t length = 0;

	while (length < sizeof(*header))
	{
		ssize_t n = read(from, (char *) header + length, sizeof(*header) - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		length += (size_t) n;
	}
	header->backing_name[sizeof(header->backing_name) - 1] = '\0';
	header->backing_format[sizeof(header->backing_format) - 1] = '\0';
	header->message[sizeof(header->message) - 1] = '\0';
	return true;
}

static bool
ask_for_header(Walk *walk, int fd)
{
	int ends[2];
	int status;
	bool received;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return volume_fail_errno(NULL, "could not make a pipe");
	child = fork();
	if (child == 0)
	{
		close(ends[0]);
		answer_header(walk, fd, ends[1]);
	}
	close(ends[1]);
	received = child > 0 && receive_header(ends[0], &walk->header);
	close(ends[0]);
	if (child < 0)
		return volume_fail_errno(NULL, "could not make a process");
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!received)
		return volume_fail(COPIER_REFUSED, 0, walk->file, NULL,
						   "the process that read the header has died");
	return true;
}

/* ---------- names ---------- */

/* The part of an absolute name below a directory; NULL: it isn't. */
static const char *
below(const char *name, const char *directory)
{
	size_t length = directory != NULL ? strlen(directory) : 0;

	while (length > 1 && directory[length - 1] == '/')
		length--;
	if (length == 0 || strncmp(name, directory, length) != 0 || name[length] != '/')
		return NULL;
	return name + length + strspn(name + length, "/");
}

/* Appends one component of a name to a plain path; ".." takes one away.  False: it leaves the root. */
static bool
append_component(char path[PATH_MAX], const char *component, size_t length)
{
	size_t used = strlen(path);
	char *slash;

	if (length == 0 || (length == 1 && component[0] == '.'))
		return true;
	if (length == 2 && component[0] == '.' && component[1] == '.')
	{
		if (used == 0)
			return false;
		slash = strrchr(path, '/');
		*(slash != NULL ? slash : path) = '\0';
		return true;
	}
	if (used + length + 2 > PATH_MAX)
		return false;
	snprintf(path + used, PATH_MAX - used, "%s%.*s", used > 0 ? "/" : "", (int) length, component);
	return true;
}

/* Where a name leads from a folder below the root, as text.  False: out of the root. */
static bool
resolve(const char *folder, size_t folder_length, const char *name, char path[PATH_MAX])
{
	if (folder_length >= PATH_MAX)
		return false;
	memcpy(path, folder, folder_length);
	path[folder_length] = '\0';
	for (;;)
	{
		size_t length = strcspn(name, "/");

		if (!append_component(path, name, length))
			return false;
		if (name[length] == '\0')
			return path[0] != '\0';
		name += length + 1;
	}
}

static bool
refuse_outside(const Walk *walk, const char *name)
{
	return volume_fail(COPIER_OUTSIDE_ROOT, 0, walk->file,
					   "Give a directory that all files of the disk lie below.",
					   "backing file \"%.300s\" lies outside of \"%s\"", name, walk->root);
}

/* The file that the header's backing name leads to becomes the walk's next one. */
static bool
go_below(Walk *walk)
{
	const char *name = walk->header.backing_name;
	const char *slash = strrchr(walk->file, '/');
	char next[PATH_MAX];
	bool inside;

	if (strncmp(name, "json:", 5) == 0 || strstr(name, "://") != NULL)
		return volume_fail(COPIER_REFUSED, 0, walk->file,
						   "Only backing files by plain names or paths can be read.",
						   "header names the backing file \"%.300s\"", name);
	if (name[0] == '/')
	{
		const char *rest = below(name, walk->root);

		if (rest == NULL)
			rest = below(name, walk->options->path);
		inside = rest != NULL && resolve("", 0, rest, next);
	}
	else
		inside = resolve(walk->file, slash != NULL ? (size_t) (slash - walk->file) : 0, name, next);
	if (!inside)
		return refuse_outside(walk, name);
	if (walk->header.backing_format[0] == '\0')
		return volume_fail(
			COPIER_REFUSED, 0, walk->file,
			"Say it with qemu-img rebase -u -F FORMAT -b NAME; formats are never guessed.",
			"header does not say the format of backing file \"%.300s\"", name);
	walk->is_qcow2 = strcmp(walk->header.backing_format, COPIER_FORMAT_QCOW2) == 0;
	if (!walk->is_qcow2 && strcmp(walk->header.backing_format, COPIER_FORMAT_RAW) != 0)
		return volume_fail(
			COPIER_REFUSED, 0, walk->file, "Only raw and qcow2 images can be copied.",
			"format of backing file \"%.300s\" is \"%.31s\"", name, walk->header.backing_format);
	memcpy(walk->file, next, sizeof(next));
	return true;
}

/* ---------- the walk ---------- */

/* Other bytes would not come back from the answer as they are. */
static bool
is_text(const char *name)
{
	uint32_t code;
	size_t length;

	for (; *name != '\0'; name += length)
		if ((length = utf8_decode(name, &code)) == 0)
			return false;
	return true;
}

static bool
note_layer(Walk *walk)
{
	for (int i = 0; i < walk->count; i++)
		if (walk->seen[i].device == walk->status.st_dev &&
			walk->seen[i].inode == walk->status.st_ino)
			return volume_fail(COPIER_REFUSED, 0, walk->file, NULL,
							   "image is, by its headers, its own backing file");
	if (walk->count == COPIER_MAX_LAYERS)
		return volume_fail(COPIER_REFUSED, 0, walk->file, NULL, "image has more than %d layers",
						   COPIER_MAX_LAYERS);
	walk->seen[walk->count].device = walk->status.st_dev;
	walk->seen[walk->count++].inode = walk->status.st_ino;
	return true;
}

static bool
open_layer(Walk *walk, int *fd)
{
	*fd = safe_open_beneath(walk->rootfd, walk->file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (*fd < 0 && errno == ELOOP)
		return volume_fail(COPIER_REFUSED, ELOOP, walk->file,
						   "Name the file itself, not a symbolic link to it.",
						   "could not open image");
	if (*fd < 0 || fstat(*fd, &walk->status) != 0)
		return volume_fail_errno(walk->file, "could not open image");
	if (!S_ISREG(walk->status.st_mode))
		return volume_fail(COPIER_REFUSED, 0, walk->file, NULL, "image is not a regular file");
	if (!is_text(walk->file))
		return volume_fail(COPIER_REFUSED, 0, walk->file, "Rename the file.",
						   "file name is not valid UTF-8");
	return true;
}

static bool
tell_layer(const Walk *walk)
{
	struct json line = {0};
	bool done;

	json_open(&line, NULL, '{');
	json_string(&line, "file", walk->file);
	json_string(&line, "format", walk->is_qcow2 ? COPIER_FORMAT_QCOW2 : COPIER_FORMAT_RAW);
	json_integer(&line, COPIER_FIELD_VIRTUAL_SIZE, walk->header.virtual_size);
	json_integer(&line, "allocated", (uint64_t) walk->status.st_blocks * 512);
	json_integer(&line, "modified",
				 walk->status.st_mtim.tv_sec > 0 ? (uint64_t) walk->status.st_mtim.tv_sec : 0);
	json_integer(&line, "internal_snapshots", walk->header.snapshot_count);
	json_close(&line, '}');
	done = json_print(&line, false) == 0;
	json_free(&line);
	return done || volume_fail_errno(NULL, "could not print the answer");
}

/* Reads the layer that the walk is at. */
static bool
read_layer(Walk *walk)
{
	int fd = -1;
	bool done = open_layer(walk, &fd) && note_layer(walk);

	memset(&walk->header, 0, sizeof(walk->header));
	if (done && walk->is_qcow2)
		done = ask_for_header(walk, fd);
	else
		walk->header.virtual_size = align_up((uint64_t) walk->status.st_size, SECTOR_SIZE);
	if (fd >= 0)
		close(fd);
	if (done && walk->header.refused != 0)
		return volume_fail(COPIER_REFUSED, 0, walk->file, NULL, "%.255s", walk->header.message);
	return done && tell_layer(walk);
}

/* The image that the walk begins with. */
static bool
begin_walk(Walk *walk)
{
	const char *file = walk->options->file;
	const char *rest = file;

	if (file[0] == '/')
	{
		rest = below(file, walk->root);
		if (rest == NULL)
			rest = below(file, walk->options->path);
	}
	if (rest == NULL || !resolve("", 0, rest, walk->file))
		return volume_fail(COPIER_OUTSIDE_ROOT, 0, file,
						   "Give a directory that all files of the disk lie below.",
						   "file lies outside of \"%s\"", walk->root);
	walk->rootfd = volume_open_root(walk->root);
	return walk->rootfd >= 0;
}

bool
volume_chain(const VolumeOptions *options, struct json *answer)
{
	static Walk walk;
	char *root = volume_place_resolve(options);
	bool done;

	if (root == NULL)
		return false;
	walk = (Walk){.options = options,
				  .root = root,
				  .rootfd = -1,
				  .is_qcow2 =
					  options->format == NULL || strcmp(options->format, COPIER_FORMAT_QCOW2) == 0};
	done = begin_walk(&walk);
	while (done && (done = read_layer(&walk)) && walk.header.backing_name[0] != '\0')
		done = go_below(&walk);
	if (walk.rootfd >= 0)
		close(walk.rootfd);
	free(root);
	json_integer(answer, "layers", (uint64_t) walk.count);
	return done;
}
