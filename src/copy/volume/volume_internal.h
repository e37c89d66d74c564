/*
 * volume_internal.h
 *		What the parts of "vmclone-copy volume" share: options, the answer, opening, metadata.
 *
 * volume.c parses the options and dispatches; volume_answer.c builds the answer; volume_paths.c
 * opens things below the root; volume_directory.c goes through an image's directory; volume_lease.c knows sanlock's leases;
 * volume_place.c looks at where a domain lies, volume_probe.c at what works there; volume_meta.c knows VDSM's .meta; volume_device.c proves which
 * device a logical volume is; volume_name.c gives names in a directory domain; volume_request.c says what a provisioning program is told;
 * volume_domain.c, volume_image.c, volume_commit.c, volume_removal.c, volume_list.c, volume_chain.c, volume_provision.c and volume_self.c are the subcommands.
 */
#ifndef VMCLONE_COPY_VOLUME_INTERNAL_H
#define VMCLONE_COPY_VOLUME_INTERNAL_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "copy/base/json.h"
#include "copy/base/report.h"

/* ---------- the answer (volume_answer.c) ---------- */

/*
 * Reports the failure (report.h) and returns false, so that callers can "return volume_fail(…)".  path and hint
 * may be NULL; error_number is an errno value or 0.
 */
extern bool volume_fail(enum copier_error kind, int error_number, const char *path,
						const char *hint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* As volume_fail(), with kind and hint that follow from errno; what: "could not open directory" and the like. */
extern bool volume_fail_errno(const char *path, const char *what);

/*
 * Prints the answer: the facts, members of an object that is open, or what was reported instead of them.
 * Returns the exit status; frees the facts.
 */
extern int volume_print_answer(struct json *facts);

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
	const char *name; /* that the volume gets in its directory domain; NULL: none */
	const char *file; /* chain: below path */
	const char *command;
	const char *action;  /* provision: one of COPIER_PROVISION_ACTIONS */
	const char *request; /* provision: one JSON object; NULL: made of the other options */
	const char *state;   /* provision: a directory of the caller's; NULL: none */
	const char *vg_uuid; /* provision: what the group must be; NULL: any */
	const char *vg;
	bool *committed;  /* set by create */
	const char **lvs; /* provision: names of logical volumes */
	int lv_count;
	uint64_t size; /* bytes */
	bool has_size;
	uint64_t capacity; /* provision: bytes that the guest sees; size is the device's */
	uint64_t sequence;
	uint64_t timeout;  /* seconds */
	int domain_format; /* 0..5 */
	bool has_owner;
	uid_t owner_uid;
	gid_t owner_gid;
	mode_t mode; /* --mode and --owner-mode */
	bool take_over;
	bool directory; /* attach: a folder of images under their users' names */
	bool is_layer;  /* chain: format is raw or qcow2 */
	bool probe;     /* check: try out what attach does */
	bool is_asked;  /* provision: by another machine; program, state and root are this one's */
	bool allow_loop;
	bool wipe;
	bool discard;
} VolumeOptions;

/* The subcommands: true = done and reported, false = failed and reported. */
extern bool volume_attach(const VolumeOptions *options, struct json *answer);
extern bool volume_check(const VolumeOptions *options, struct json *answer);
extern bool volume_detach(const VolumeOptions *options, struct json *answer);
extern bool volume_space(const VolumeOptions *options, struct json *answer);
extern bool volume_create(const VolumeOptions *options, struct json *answer);
extern bool volume_commit(const VolumeOptions *options, struct json *answer);
extern bool volume_remove(const VolumeOptions *options, struct json *answer);
extern bool volume_stat(const VolumeOptions *options, struct json *answer);
extern bool volume_list(const VolumeOptions *options, struct json *answer);
extern bool volume_chain(const VolumeOptions *options, struct json *answer);
extern bool volume_self(const VolumeOptions *options, struct json *answer);
extern bool volume_provision(const VolumeOptions *options, struct json *answer);

/* ---------- paths (volume_paths.c) ---------- */

#define VOLUME_NAME_SIZE 80 /* a uuid and the longest suffix */

/*
 * Opens the domain directory "root", which must be an absolute path without any symbolic link in it
 * (attach stored it so).  Returns a descriptor, or -1 after volume_fail().
 */
extern int volume_open_root(const char *root);

/* Opens images/<disk> below the root.  -1 after volume_fail(); with missing_ok, -1 and *missing instead. */
extern int volume_open_image_directory(int rootfd, const char *disk, bool *missing);

#define VOLUME_DIRECTORY_MODE 0755 /* VDSM's, whatever the umask: qemu runs as another user */

/*
 * Makes the directory name in dirfd unless it is there, with VOLUME_DIRECTORY_MODE, and opens it.  Not synced: the
 * caller syncs it and dirfd before anybody relies on them.  Returns a descriptor, or -1 after volume_fail().
 */
extern int volume_make_directory(int dirfd, const char *name, bool synced);

/* Name of an image's file with that suffix. */
extern void volume_image_name(char name[VOLUME_NAME_SIZE], const char *image, const char *suffix);

/*
 * A directory of the descriptor, which stays the caller's, from its beginning, to be closed by closedir(); and its next
 * name but "." and "..".  NULL at the end, or after volume_fail(), which shows "path" (NULL = none).
 */
extern DIR *volume_open_entries(int dirfd, const char *path);
extern const char *volume_next_entry(DIR *directory, const char *path);

/* Has what is in memory of a file written to its device, without its log: a sync is still to come. */
extern bool volume_write_out(int fd, const char *path);

/* Syncs a file, or a directory. */
extern bool volume_sync(int fd, const char *path);
extern bool volume_sync_directory(int fd, const char *path);

typedef struct VolumeSync
{
	int fd;
	const char *name;
	int error_number;
} VolumeSync;

/*
 * Syncs up to three files, and meanwhile what volume_sync_above() does: all are waited for together.  False after
 * volume_fail().
 */
extern bool volume_sync_together(VolumeSync *files, int count, int rootfd);

/*
 * Two steps that write a small file whole or not at all: "name.new" and fsync; rename over "name" and fsync of the
 * directory, which holds for all names changed there before.  Not synced: the crash of a machine may leave a name
 * without content.  dirfd is the directory that holds it.
 */
extern bool volume_write_new(int dirfd, const char *name, mode_t mode, const char *text,
							 size_t length, bool synced);
extern bool volume_rename_new(int dirfd, const char *name, bool synced);

/* 1 = there, 0 = not there, -1 after volume_fail(). */
extern int volume_stat_name(int dirfd, const char *name, struct stat *status);

/*
 * Reads a small regular file into buffer (NUL-terminated).  Returns its length, -1 after volume_fail(), or
 * -2 = no such file.  A longer file is a failure.
 */
extern ssize_t volume_read_file(int dirfd, const char *name, char *buffer, size_t size);

/*
 * Syncs what create has left unsynced: the image's directory in that of all images, and that one in the domain.
 * False after volume_fail().
 */
extern bool volume_sync_above(int rootfd);

/*
 * Takes a write lock of the open file description kind on the whole file, without waiting.
 * 1 = taken, 0 = someone else has one, -1 after volume_fail().
 */
extern int volume_lock_file(int fd, const char *name);

/* ---------- the place of a storage domain (volume_place.c) ---------- */

/*
 * The real path of options->path, which must lie below one of options->roots; NULL after volume_fail(), else to be freed.
 */
extern char *volume_place_resolve(const VolumeOptions *options);

/* The real path has bytes that the worker's protocol carries: printable ASCII.  False after volume_fail(). */
extern bool volume_place_check_path(const char *real);

/*
 * The directory neither lies inside a storage domain nor is a mount point with the domain inside it.  False after
 * volume_fail().
 */
extern bool volume_place_check_nesting(int rootfd, const char *real, const char *domain);

/* ---------- what works in a storage domain (volume_probe.c) ---------- */

/*
 * Makes and removes files and a directory there: they have the owner and modes that the options name, and hard links show as one
 * file.  *reflink: files can share extents.  False after volume_fail().
 */
extern bool volume_probe(int rootfd, const VolumeOptions *options, bool *reflink);

/* *direct: files can be read past the page cache.  False after volume_fail(). */
extern bool volume_probe_direct(int rootfd, const VolumeOptions *options, bool *direct);

/* The domain carries the identity that the options name (volume_domain.c).  False after volume_fail(). */
extern bool volume_require_identity(int rootfd, const VolumeOptions *options);

/* ---------- leases (volume_lease.c) ---------- */

#define VOLUME_LEASE_RECORD                                                                        \
	(2 * 4096) /* bytes: leader and request record, of the largest sector size */

typedef struct VolumeLeaseGeometry
{
	uint64_t sector_size; /* bytes: 512 or 4096 */
	uint64_t alignment;   /* bytes that one lease takes */
} VolumeLeaseGeometry;

/*
 * What a new lease of an image begins with; the rest of it is zeroes.  domain and image are uuids in lower case.
 */
extern void volume_lease_format(const VolumeLeaseGeometry *geometry, const char *domain,
								const char *image, unsigned char record[VOLUME_LEASE_RECORD]);

/*
 * Sector size and alignment that the domain's own metadata name (BLOCK_SIZE and ALIGNMENT of dom_md/metadata), else
 * 512 bytes and 1 MiB.  False after volume_fail(): combinations that sanlock doesn't know are refused.
 */
extern bool volume_lease_geometry(int rootfd, VolumeLeaseGeometry *geometry);

/* Writes <image>.lease, free, over what an earlier call left; commit syncs it.  False after volume_fail(). */
extern bool volume_lease_make(int rootfd, int dirfd, const VolumeOptions *options);

/* ---------- a volume's files (volume_image.c) ---------- */

/*
 * Every suffix that a job writes beside <image>, in the order in which remove takes them away: what
 * shows whose a file is goes after that file.
 */
#define VOLUME_SUFFIX_COUNT 9
extern const char *const volume_suffixes[VOLUME_SUFFIX_COUNT];

static inline bool
volume_is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* .part's record of resuming goes: the job is over for this file.  Not synced; false after volume_fail(). */
extern bool volume_remove_record(int dirfd, const char *image);

/* Adds size and allocated bytes to the answer. */
extern void volume_tell_size(const struct stat *status, struct json *answer);

/* ---------- names in a directory domain (volume_name.c) ---------- */

/* Beside an image that has been given its name: which name, and of which file. */
#define VOLUME_SUFFIX_NAME ".name"

/* Opens the users' folder, above the domain's; -1 after volume_fail(). */
extern int volume_open_folder(const VolumeOptions *options);

/* What the file "record" in dirfd keeps: the name that was given, and of which inode.  False: it is no such record. */
extern bool volume_name_read(int dirfd, const char *record, char given[COPIER_MAX_NAME + 1],
							 uint64_t *inode);

/*
 * Looks for the file that the volume's image has become under options->name.  1 = it is there and ours, 0 = it is not,
 * -1 after volume_fail().
 */
extern int volume_name_find(int dirfd, const VolumeOptions *options, struct stat *status);

/* Nobody else may have the name.  False after volume_fail(). */
extern bool volume_name_check_free(const VolumeOptions *options);

/* Moves the committed image to its name, synced; once more is no error.  False after volume_fail(). */
extern bool volume_name_give(int dirfd, const VolumeOptions *options);

/* Removes the file under its name, if it is ours, and adds it to the open array of the answer.  False after volume_fail(). */
extern bool volume_name_remove(int dirfd, const VolumeOptions *options, struct json *answer);

/* ---------- the directory of a disk image (volume_directory.c) ---------- */

/*
 * Opens and locks a file that is about to go, to see that nobody uses it.  To be closed before its name goes: an NFS
 * client renames what is open to .nfs…, and leaves that for ever if it crashes then.  Returns the descriptor,
 * -2 = no such file, -1 after volume_fail().
 */
extern int volume_lock_for_removal(int dirfd, const char *name);

/*
 * Removes outputs of killed copiers that never got their name, and adds their names to the open array
 * of the answer, if there is one.  False after volume_fail().
 */
extern bool volume_remove_unnamed(int dirfd, const char *image, struct json *answer);

/*
 * Names .nfs… of files that were unlinked while they were open on this or another client, which removes them soon
 * after the last close, unless it has crashed.
 *
 * volume_remove_names_of() takes those away that are a second name of the file that "status" describes;
 * volume_remove_unlinked() waits two seconds at most until there are none, then takes the rest away, and fails where
 * another process has one locked.  Both add what they removed to the open array of the answer, if there is one.
 */
extern bool volume_remove_names_of(int dirfd, const struct stat *status, struct json *answer);
extern bool volume_remove_unlinked(int dirfd, struct json *answer);

/* Names what is left in the directory, and says whether it is empty.  False after volume_fail(). */
extern bool volume_tell_left(int dirfd, struct json *answer, bool *empty);

/* ---------- devices of block domains (volume_device.c) ---------- */

/*
 * Proves that <root>/<vg>/<lv> is a logical volume of that name by device mapper's names in the kernel, and at least
 * options->size bytes long; adds an object with its path, size, logical_block_size and device number to the open
 * array of the answer.
 */
extern bool volume_find_device(const VolumeOptions *options, const char *lv, struct json *answer);

extern bool volume_device_is_gone(const VolumeOptions *options, const char *lv);

/* ---------- requests to the provisioning program (volume_request.c) ---------- */

/* Writes the request that the options ask for into an empty text.  False after volume_fail(). */
extern bool volume_request_make(const VolumeOptions *options, struct json *request);

/*
 * A file that holds options->request, to be the program's standard input; locked and below options->state where that is
 * given.  Returns a descriptor that closes on exec, or -1 after volume_fail().
 */
extern int volume_request_open(const VolumeOptions *options);

/* The same for volumes that this host has nothing to do with any more: those of options->lvs. */
extern bool volume_request_forget_idle(const VolumeOptions *options);

/* The volume is whole or gone: removes what lies in options->state for it, its lock last. */
extern bool volume_request_forget(const VolumeOptions *options);

/* ---------- VDSM's volume metadata (volume_meta.c; docs/design/storage.md) ---------- */

#define VOLUME_META_LIMIT 512 /* bytes, VDSM's limit for the whole file */
#define VOLUME_META_KEYS  20

typedef struct VolumeMeta
{
	char text[VOLUME_META_LIMIT + 1]; /* keys and values point into it */
	int count;
	const char *keys[VOLUME_META_KEYS];
	const char *values[VOLUME_META_KEYS];
} VolumeMeta;

/* Builds the text of a new, still ILLEGAL volume's .meta into text.  False after volume_fail(). */
extern bool volume_meta_format(const VolumeOptions *options, char text[VOLUME_META_LIMIT + 1]);

/* Takes .meta text (length bytes) apart.  False if it is not KEY=VALUE lines closed by EOF. */
extern bool volume_meta_parse(const char *text, size_t length, VolumeMeta *meta);

/* Value of a key, or NULL. */
extern const char *volume_meta_value(const VolumeMeta *meta, const char *key);

extern bool volume_meta_is_legal(const VolumeMeta *meta);

/* They name the disk, whatever else they say. */
extern bool volume_meta_is_of_disk(const VolumeMeta *meta, const char *disk);

/*
 * Reads <image>.meta.  1 = read, 0 = there is none, or one that a crash left empty, -1 after volume_fail()
 * (unreadable or malformed).
 */
extern int volume_meta_read(int dirfd, const char *image, VolumeMeta *meta);

/* The text again, with other values for LEGALITY and GEN.  False after volume_fail(). */
extern bool volume_meta_text(const VolumeMeta *meta, const char *legality, const char *generation,
							 char text[VOLUME_META_LIMIT + 1]);

/* Two steps that write <image>.meta again with other values for LEGALITY and GEN; the second one is synced. */
extern bool volume_meta_write_new(int dirfd, const char *image, const VolumeMeta *meta,
								  const char *legality, const char *generation);
extern bool volume_meta_rename_new(int dirfd, const char *image);

/* 1 = <image>.meta.new says that the disk's volume is LEGAL: a commit was cut off.  0 = not; -1 after volume_fail(). */
extern int volume_meta_is_committing(int dirfd, const VolumeOptions *options);

#endif /* VMCLONE_COPY_VOLUME_INTERNAL_H */
