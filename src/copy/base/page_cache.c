/*
 * page_cache.c
 *		Reads of a file what the page cache holds, and nothing else.
 *
 * pread() won't do: where somebody has read the file from its beginning, a page that is cached may carry the mark that
 * more is to be read ahead, and each page that comes in by it carries the next one.  A mapping can be told to do without
 * (MADV_RANDOM).  Nobody touches it directly: where a file has been cut off meanwhile that would be the end of the
 * process, while process_vm_readv() fails.
 *
 * Where all of the file was cached there is nothing that reading ahead could bring in but what has left it since, and one
 * call does: preadv2() with RWF_NOWAIT, which stops at a page that isn't there; where a file system has no such reads, a
 * look at what is cached and pread().
 */
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/page_cache.h"
#include "copy/base/system.h"

/* A run of fewer cached pages than this is read from the device, with the uncached ones around it. */
#define WORTH_A_READ ((size_t) 16)

/* Pages that one thread maps at a time: mapped ones count as the process's memory. */
#define MOST_MAPPED ((size_t) 256)

/*
 * On these file systems another machine can change a file without this one's page cache noticing.  NFS is not among them: its
 * client drops what it holds when the file is opened and was changed, and when it is locked unless the server has promised to
 * call back before it lets anybody write; and it does so before a mapping is there.
 */
static bool
is_shared_by_machines(int fd)
{
	struct statfs system;

	if (file_system_of(fd, &system) != 0)
		return true;
	switch ((uint32_t) system.f_type)
	{
		case SMB2_SUPER_MAGIC:
		case CIFS_SUPER_MAGIC:
		case CEPH_SUPER_MAGIC:
		case FUSE_SUPER_MAGIC:
			return true;
		default:
			return false;
	}
}

/* A window of the file: memory for "pages" pages, and of each whether it is cached (bit 0). */
struct window
{
	unsigned char *memory;
	size_t pages;
	unsigned char cached[PAGE_CACHE_WINDOW / PAGE_BYTES + 1];
};

static bool
open_window(struct window *window, int fd, uint64_t first_page, size_t pages)
{
	size_t bytes = pages * PAGE_BYTES;

	window->pages = pages;
	window->memory =
		mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t) (first_page * PAGE_BYTES));
	if (window->memory == MAP_FAILED)
		return false;
	if (mincore(window->memory, bytes, window->cached) == 0 &&
		madvise(window->memory, bytes, MADV_RANDOM) == 0)
		return true;
	munmap(window->memory, bytes);
	return false;
}

static void
close_window(const struct window *window)
{
	munmap(window->memory, window->pages * PAGE_BYTES);
}

bool
page_cache_is_known(int fd, uint64_t size)
{
	struct window window;
	bool known;

	/*
	 * To a process that may neither write nor own the file, mincore() says that every page is cached: one behind
	 * the file's end too, which never is.
	 */
	if (sysconf(_SC_PAGESIZE) != (long) PAGE_BYTES || size > INT64_MAX - 2 * PAGE_BYTES ||
		is_shared_by_machines(fd) ||
		!open_window(&window, fd, align_up(size, PAGE_BYTES) / PAGE_BYTES, 1))
		return false;
	known = (window.cached[0] & 1) == 0;
	close_window(&window);
	return known;
}

bool
page_cache_holds_all(int fd, uint64_t size)
{
	uint64_t pages = align_up(size, PAGE_BYTES) / PAGE_BYTES;
	uint64_t page = 0;

	while (page < pages)
	{
		struct window window;
		size_t part = (size_t) min_u64(pages - page, PAGE_CACHE_WINDOW / PAGE_BYTES);
		size_t held = 0;

		if (!open_window(&window, fd, page, part))
			return false;
		while (held < part && (window.cached[held] & 1) != 0)
			held++;
		close_window(&window);
		if (held < part)
			return false;
		page += part;
	}
	return true;
}

/* Pages from "first" on that are as it is. */
static size_t
run_length(const struct window *window, size_t first)
{
	size_t end = first + 1;

	while (end < window->pages && (window->cached[end] & 1) == (window->cached[first] & 1))
		end++;
	return end - first;
}

/* Pages from the first on that are read in one way. */
static size_t
first_part(const struct window *window, bool *held)
{
	size_t end = run_length(window, 0);

	*held = (window->cached[0] & 1) != 0 && (end >= WORTH_A_READ || end == window->pages);
	while (!*held && end < window->pages)
	{
		size_t run = run_length(window, end);

		if ((window->cached[end] & 1) != 0 && run >= WORTH_A_READ)
			break;
		end += run;
	}
	return *held ? (size_t) min_u64(end, MOST_MAPPED) : end;
}

static bool
read_mapped(const struct window *window, unsigned char *to, size_t length, size_t skip)
{
	struct iovec from = {window->memory + skip, length};
	struct iovec into = {to, length};

	return process_vm_readv(getpid(), &into, 1, &from, 1, 0) == (ssize_t) length;
}

/*
 * The cached bytes from "offset" on, up to a page that isn't cached.  One call, where a window is four; but what it comes
 * upon may set off reading ahead, so it is for files that were cached whole.
 */
static bool
read_at_once(int fd, unsigned char *to, size_t length, uint64_t offset, size_t *part)
{
	struct iovec into = {to, length};
	ssize_t count = preadv2(fd, &into, 1, (off_t) offset, RWF_NOWAIT);

	*part = count > 0 ? (size_t) count : 0;
	return count == (ssize_t) length || (count > 0 && is_aligned((uint64_t) count, PAGE_BYTES));
}

size_t
page_cache_read(int fd, unsigned char *to, size_t length, uint64_t offset, bool was_whole,
				bool *held)
{
	struct window window;
	size_t skip = (size_t) (offset % PAGE_BYTES);
	size_t part;

	*held = was_whole && read_at_once(fd, to, length, offset, &part);
	if (*held)
		return part;
	if (!open_window(&window, fd, offset / PAGE_BYTES,
					 (skip + length + PAGE_BYTES - 1) / PAGE_BYTES))
		return length;
	part = (size_t) min_u64(first_part(&window, held) * PAGE_BYTES - skip, length);
	if (*held)
		*held = was_whole ? file_read(fd, to, part, offset) == (ssize_t) part
						  : read_mapped(&window, to, part, skip);
	close_window(&window);
	return part;
}
