/*
 * common.h
 *		Byte order, alignment and size helpers that every file of vmclone-copy uses.
 */
#ifndef COPY_COMMON_H
#define COPY_COMMON_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KIB ((uint64_t) 1024)
#define MIB ((uint64_t) 1024 * 1024)
#define GIB ((uint64_t) 1024 * 1024 * 1024)

/* qemu counts every virtual size in sectors of this many bytes. */
#define SECTOR_SIZE ((uint64_t) 512)

/* Direct I/O and buffered I/O never touch the same block of this size. */
#define DIRECT_BLOCK ((uint64_t) 4096)

enum image_format
{
	FORMAT_RAW,
	FORMAT_QCOW2
};

/* "unit" must be a power of two in these four. */
static inline uint64_t
align_down(uint64_t value, uint64_t unit)
{
	return value & ~(unit - 1);
}

static inline uint64_t
align_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

static inline bool
is_aligned(uint64_t value, uint64_t unit)
{
	return (value & (unit - 1)) == 0;
}

static inline bool
is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Quotient rounded up; safe for every value. */
static inline uint64_t
divide_up(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit != 0);
}

static inline uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t
max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint32_t
load_be32(const unsigned char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return be32toh(value);
}

static inline uint64_t
load_be64(const unsigned char *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return be64toh(value);
}

static inline void
store_be32(unsigned char *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static inline void
store_be64(unsigned char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

#endif
