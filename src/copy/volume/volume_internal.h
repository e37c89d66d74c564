/*
 * volume_internal.h
 *		What the parts of "vmclone-copy volume" share: options, the answer, opening, metadata.
 *
 * volume.c parses the options and dispatches; volume_answer.c builds the answer; volume_paths.c
 * opens things below the root; volume_directory.c takes files away; volume_meta.c knows VDSM's
 * .meta; volume_domain.c, volume_image.c and volume_block.c are the subcommands.
 */
#ifndef VMCLONE_COPY_VOLUME_INTERNAL_H
#define VMCLONE_COPY_VOLUME_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---------- the answer (volume_answer.c) ---------- */

/* Why a subcommand failed; the JSON's "kind" is the same word. */
typedef enum VolumeKind
{
	VOLUME_OK,
	VOLUME_USAGE,
	VOLUME_IO,
	VOLUME_EXISTS,
	VOLUME_BUSY,
	VOLUME_NOT_FOUND,
	VOLUME_OUTSIDE_ROOT,
	VOLUME_NOT_ATTACHED,
	VOLUME_NO_SPACE,
	VOLUME_REFUSED
} VolumeKind;

/* The answer under construction: facts are appended, or one failure replaces them all. */
typedef struct VolumeAnswer
{
	char *text; /* JSON members gathered so far, each with a leading comma */
	size_t length;
	size_t capacity;
	VolumeKind kind;
	int error;        /* errno value, 0 = none */
	char *path;       /* what the failure is about, or NULL */
	char *message;    /* never NULL on failure */
	const char *hint; /* next step, or NULL */
} VolumeAnswer;

extern void answer_string(VolumeAnswer *answer, const char *key, const char *value);
extern void answer_integer(VolumeAnswer *answer, const char *key, uint64_t value);
extern void answer_bool(VolumeAnswer *answer, const char *key, bool value);
extern void answer_null(VolumeAnswer *answer, const char *key);
/* key NULL inside an array; open is '{' or '[' */
extern void answer_open(VolumeAnswer *answer, const char *key, char open);
extern void answer_close(VolumeAnswer *answer, char close);

/*
 * Records the failure and returns false, so that callers can "return volume_fail(…)".  The first failure
 * wins.  path and hint may be NULL; error is an errno value or 0.
 */
extern bool volume_fail(VolumeAnswer *answer, VolumeKind kind, int error, const char *path,
						const char *hint, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* As fail, with kind and hint that follow from errno; what: "could not open directory" and the like. */
extern bool volume_fail_errno(VolumeAnswer *answer, const char *path, const char *what);

/* Prints the JSON object and returns the exit status; frees the answer. */
extern int answer_print(VolumeAnswer *answer);

/* ---------- options (volume.c) ---------- */

typedef struct VolumeOptions
{
	const char *path;
	const char *roots;
	const char *root;
	const char *domain; /* uuids are lower case */
	const char *disk;
	const char *image;
	const char *token;
	const char *format;
	const char *type;
	const char *voltype;
	const char *disk_type;
	const char *description;
	const char *command;
	const char *action; /* provision: create, commit, remove */
	const char *vg;
	const char *lv;
	uint64_t size; /* bytes */
	bool has_size;
	uint64_t sequence;
	uint64_t timeout;  /* seconds */
	int domain_format; /* 0..5 */
	bool has_owner;
	uid_t owner_uid;
	gid_t owner_gid;
	mode_t mode; /* --mode and --owner-mode */
	bool take_over;
	bool allow_loop;
} VolumeOptions;

/* The subcommands: true = done and reported, false = failed and reported. */
extern bool volume_attach(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_check(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_detach(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_space(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_create(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_commit(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_remove(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_stat(const VolumeOptions *options, VolumeAnswer *answer);
extern bool volume_provision(const VolumeOptions *options, VolumeAnswer *answer);

/* ---------- paths (volume_paths.c) ---------- */

#define VOLUME_NAME_SIZE 80 /* a uuid and the longest suffix */

/*
 * Opens the domain directory "root", which must be an absolute path without any symbolic link in it
 * (attach stored it so).  Returns a descriptor, or -1 after volume_fail().
 */
extern int volume_open_root(const char *root, VolumeAnswer *answer);

/* Opens images/<disk> below the root.  -1 after volume_fail(); with missing_ok, -1 and *missing instead. */
extern int volume_open_image_directory(int rootfd, const char *disk, bool *missing,
									   VolumeAnswer *answer);

/* fsync of a directory or file. */
extern bool volume_sync(int fd, const char *path, VolumeAnswer *answer);

/*
 * Writes a small file whole or not at all: "name.new", fsync, rename over "name", fsync of the
 * directory.  dirfd is the directory that holds it.
 */
extern bool volume_write_file(int dirfd, const char *name, mode_t mode, const char *text,
							  size_t length, VolumeAnswer *answer);

/*
 * Reads a small regular file into buffer (NUL-terminated).  Returns its length, -1 after volume_fail(), or
 * -2 = no such file.  A longer file is a failure.
 */
extern ssize_t volume_read_file(int dirfd, const char *name, char *buffer, size_t size,
								VolumeAnswer *answer);

/*
 * Takes a write lock of the open file description kind on the whole file, without waiting.
 * 1 = taken, 0 = someone else has one, -1 after volume_fail().
 */
extern int volume_lock_file(int fd, const char *name, VolumeAnswer *answer);

/* ---------- the directory of a disk image (volume_directory.c) ---------- */

/*
 * Opens and locks a file that is about to go, so that nobody writes it meanwhile.  Returns the
 * descriptor, -2 = no such file, -1 after volume_fail().
 */
extern int volume_lock_for_removal(int dirfd, const char *name, VolumeAnswer *answer);

/*
 * Removes outputs of killed copiers that never got their name, and adds their names to the open array
 * of the answer.  False after volume_fail().
 */
extern bool volume_remove_unnamed(int dirfd, const char *image, VolumeAnswer *answer);

/* Names what is left in the directory, and says whether it is empty.  False after volume_fail(). */
extern bool volume_tell_left(int dirfd, VolumeAnswer *answer, bool *empty);

/* ---------- VDSM's volume metadata (volume_meta.c; image-copy.md §1.7) ---------- */

#define VOLUME_META_LIMIT        512 /* bytes, VDSM's limit for the whole file */
#define VOLUME_DESCRIPTION_LIMIT 210 /* bytes */
#define VOLUME_META_KEYS         20

typedef struct VolumeMeta
{
	char text[VOLUME_META_LIMIT + 1]; /* keys and values point into it */
	int count;
	const char *keys[VOLUME_META_KEYS];
	const char *values[VOLUME_META_KEYS];
} VolumeMeta;

/* Builds the text of a new, still ILLEGAL volume's .meta into text.  False after volume_fail(). */
extern bool volume_meta_format(const VolumeOptions *options, char text[VOLUME_META_LIMIT + 1],
							   VolumeAnswer *answer);

/* Takes .meta text (length bytes) apart.  False if it is not KEY=VALUE lines closed by EOF. */
extern bool volume_meta_parse(const char *text, size_t length, VolumeMeta *meta);

/* Value of a key, or NULL. */
extern const char *volume_meta_value(const VolumeMeta *meta, const char *key);

/*
 * Reads <image>.meta.  1 = read, 0 = there is none, -1 after volume_fail() (unreadable or malformed).
 */
extern int volume_meta_read(int dirfd, const char *image, VolumeMeta *meta, VolumeAnswer *answer);

/* Writes <image>.meta again with other values for LEGALITY and GEN, in one rename. */
extern bool volume_meta_rewrite(int dirfd, const char *image, const VolumeMeta *meta,
								const char *legality, const char *generation, VolumeAnswer *answer);

#endif /* VMCLONE_COPY_VOLUME_INTERNAL_H */
