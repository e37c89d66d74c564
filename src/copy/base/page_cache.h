/*
 * page_cache.h
 *		Reads of a file what the page cache holds, and nothing else.
 *
 * Bytes that are in memory needn't come from the disk; bytes that aren't are better read past the cache, which others
 * need more.
 */
#ifndef COPY_PAGE_CACHE_H
#define COPY_PAGE_CACHE_H

#include "copy/base/common.h"

#define PAGE_BYTES ((size_t) 4096)

/* Bytes that one call may be about. */
#define PAGE_CACHE_WINDOW (4 * MIB)

/*
 * Whether page_cache_read() has an answer for the file of "size" bytes: the kernel tells only who owns the file or may
 * write to it what is cached, and on some network file systems another machine may have written what the cache of this one
 * doesn't know.
 */
extern bool page_cache_is_known(int fd, uint64_t size);

/* Whether all of a file of which page_cache_is_known() is cached. */
extern bool page_cache_holds_all(int fd, uint64_t size);

/*
 * Looks at "length" bytes (1 to PAGE_CACHE_WINDOW) at "offset", which must lie in the file.  Returns how many of them
 * from the first on are alike: either *held, then they have been read into "to"; or not, then they are to be read past
 * the cache, and what "to" holds is not to be relied on.  Some cached pages among others count as these: two reads cost
 * more than one.  Nothing comes into the cache by it: with "was_whole", which says that page_cache_holds_all() did, at
 * most some that has left it since.
 */
extern size_t page_cache_read(int fd, unsigned char *to, size_t length, uint64_t offset,
							  bool was_whole, bool *held);

#endif
