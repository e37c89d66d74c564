/*
 * volume_lease.c
 *		A volume's lease: what sanlock calls a resource, free and never taken.
 *
 * A host that works on a volume takes its lease first; a file of zeroes is none to it.  What stands in a new one
 * follows from domain id, image id, sector size and alignment alone; "sanlock direct init -r DOMAIN:IMAGE:FILE:0
 * -Z SECTOR -A ALIGNMENT" writes the same bytes (sanlock's ondisk.c, leader.h, paxos_dblock.h).
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"
#include "copy/base/safeopen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEADER_MAGIC    UINT32_C(0x06152010)
#define LEADER_VERSION  UINT32_C(0x00060004) /* what sanlock 3 reads; sanlock 5 reads and keeps it */
#define REQUEST_MAGIC   UINT32_C(0x08292011)
#define REQUEST_VERSION UINT32_C(0x00010001)

/* Offsets in the leader record, which fills the first sector; numbers are little endian. */
#define LEADER_FLAGS       8  /* 0x10, 0x20, 0x40, 0x80: alignment of 1, 2, 4, 8 MiB */
#define LEADER_SECTOR_SIZE 12 /* bytes */
#define LEADER_NUM_HOSTS   16 /* 64 bits */
#define LEADER_MAX_HOSTS   24 /* 64 bits */
#define LEADER_SPACE_NAME  56 /* 48 bytes: the domain */
#define LEADER_NAME        104
#define LEADER_CHECKSUM    168

#define MAX_HOSTS      2000 /* sanlock's own limit */
#define METADATA_LIMIT 65536

static void
put_number(unsigned char *at, uint64_t number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (unsigned char) (number >> (8 * i));
}

/* CRC-32C (Castagnoli) as sanlock uses it: begun with ~1, not inverted at the end. */
static uint32_t
leader_checksum(const unsigned char *leader)
{
	uint32_t crc = ~UINT32_C(1);

	for (int i = 0; i < LEADER_CHECKSUM; i++)
	{
		crc ^= leader[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

void
volume_lease_format(const VolumeLeaseGeometry *geometry, const char *domain, const char *image,
					unsigned char record[VOLUME_LEASE_RECORD])
{
	unsigned char *request = record + geometry->sector_size;
	/* a sector for each host behind the leader's and the request's */
	uint64_t sectors = geometry->alignment / geometry->sector_size;
	uint64_t hosts = sectors >= 2048 ? MAX_HOSTS : sectors / 256 * 250;

	memset(record, 0, VOLUME_LEASE_RECORD);
	put_number(record, LEADER_MAGIC, 4);
	put_number(record + 4, LEADER_VERSION, 4);
	put_number(record + LEADER_FLAGS, geometry->alignment / MIB << 4, 4);
	put_number(record + LEADER_SECTOR_SIZE, geometry->sector_size, 4);
	put_number(record + LEADER_NUM_HOSTS, hosts, 8);
	put_number(record + LEADER_MAX_HOSTS, hosts, 8);
	memcpy(record + LEADER_SPACE_NAME, domain, strlen(domain));
	memcpy(record + LEADER_NAME, image, strlen(image));
	put_number(record + LEADER_CHECKSUM, leader_checksum(record), 4);
	put_number(request, REQUEST_MAGIC, 4);
	put_number(request + 4, REQUEST_VERSION, 4);
}

/* The number that a line KEY=NUMBER of the domain's metadata has; fallback without one. */
static uint64_t
metadata_number(const char *text, const char *key, uint64_t fallback)
{
	size_t length = strlen(key);

	for (const char *line = text; line != NULL; line = strchr(line, '\n'))
	{
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == '=')
			return strtoull(line + length + 1, NULL, 10);
	}
	return fallback;
}

static bool
check_geometry(const VolumeLeaseGeometry *geometry)
{
	uint64_t mebibytes = geometry->alignment % MIB == 0 ? geometry->alignment / MIB : 0;

	if ((geometry->sector_size == 512 && mebibytes == 1) ||
		(geometry->sector_size == 4096 &&
		 (mebibytes == 1 || mebibytes == 2 || mebibytes == 4 || mebibytes == 8)))
		return true;
	return volume_fail(COPIER_REFUSED, 0, "dom_md/metadata",
					   "Sanlock knows sectors of 512 bytes with an alignment of 1 MiB, and of "
					   "4096 bytes with one of 1, 2, 4 or 8 MiB.",
					   "storage domain has sectors of %" PRIu64
					   " bytes and an alignment of %" PRIu64 " bytes",
					   geometry->sector_size, geometry->alignment);
}

bool
volume_lease_geometry(int rootfd, VolumeLeaseGeometry *geometry)
{
	ssize_t length;
	char *text;
	int dirfd = safe_open_beneath(rootfd, "dom_md", O_RDONLY | O_DIRECTORY, 0);

	/* what all domains have that don't say */
	geometry->sector_size = 512;
	geometry->alignment = MIB;
	if (dirfd < 0)
		return errno == ENOENT ? true : volume_fail_errno("dom_md", "could not open directory");
	text = malloc(METADATA_LIMIT);
	if (text == NULL)
	{
		close(dirfd);
		return volume_fail_errno(NULL, "could not allocate memory");
	}
	length = volume_read_file(dirfd, "metadata", text, METADATA_LIMIT);
	close(dirfd);
	if (length > 0)
	{
		geometry->sector_size = metadata_number(text, "BLOCK_SIZE", geometry->sector_size);
		geometry->alignment = metadata_number(text, "ALIGNMENT", geometry->alignment);
	}
	free(text);
	return length != -1 && check_geometry(geometry);
}

/* Writes a free lease into the file and makes it as long as the alignment. */
static bool
fill_lease(int fd, const char *name, const VolumeOptions *options,
		   const VolumeLeaseGeometry *geometry)
{
	unsigned char record[VOLUME_LEASE_RECORD];
	struct stat status;

	if (fstat(fd, &status) != 0)
		return volume_fail_errno(name, "could not read file attributes");
	if (!S_ISREG(status.st_mode))
		return volume_fail(COPIER_EXISTS, 0, name, NULL, "lease is not a regular file");
	/* nothing of what an earlier call wrote stays */
	if (ftruncate(fd, 0) != 0 || ftruncate(fd, (off_t) geometry->alignment) != 0)
		return volume_fail_errno(name, "could not set the size of the lease file");
	volume_lease_format(geometry, options->domain, options->image, record);
	if (file_write(fd, record, sizeof(record), 0) != 0)
		return volume_fail_errno(name, "could not write lease file");
	if (fchmod(fd, options->mode) != 0)
		return volume_fail_errno(name, "could not set file mode");
	return true;
}

bool
volume_lease_make(int rootfd, int dirfd, const VolumeOptions *options)
{
	char name[VOLUME_NAME_SIZE];
	VolumeLeaseGeometry geometry;
	bool done;
	int fd;

	if (!volume_lease_geometry(rootfd, &geometry))
		return false;
	snprintf(name, sizeof(name), "%s.lease", options->image);
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, options->mode);
	if (fd < 0)
		return volume_fail_errno(name, "could not create lease file");
	done = fill_lease(fd, name, options, &geometry);
	/* NFS reports some write errors at close */
	if (close(fd) != 0 && done)
		done = volume_fail_errno(name, "could not close lease file");
	return done;
}
