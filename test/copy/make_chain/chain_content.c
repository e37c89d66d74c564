/*
 * chain_content.c
 *		What clusters contain, and how it is compressed.
 */
#include "make_chain.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

void
make_content(unsigned char *buffer, size_t length, bool compressible)
{
	unsigned int style = compressible ? 1 + (unsigned int) below(4) : (unsigned int) below(10);

	switch (style)
	{
		case 1:
			for (size_t i = 0; i < length; i++)
				buffer[i] = (unsigned char) "snapshot chain\n0123456789abcdef"[below(31)];
			break;
		case 2:
		{
			uint64_t word = random_u64();
			size_t period = 1 + below(8);

			for (size_t i = 0; i < length; i++)
				buffer[i] = (unsigned char) (word >> (8 * (i % period)));
			break;
		}
		case 3:
			memset(buffer, 0, length);
			if (length > 0 && percent(70))
				buffer[below(length)] = (unsigned char) (1 + below(255));
			break;
		case 4:
			for (size_t i = 0; i < length; i++)
				buffer[i] = (unsigned char) (i % 4096 < 64 ? random_u64() : i >> 8);
			break;
		default:
			for (size_t i = 0; i < length; i += 8)
			{
				uint64_t word = random_u64();

				memcpy(buffer + i, &word, length - i < 8 ? length - i : 8);
			}
	}
}

size_t
deflate_cluster(const unsigned char *from, size_t length, unsigned char *to, size_t space)
{
	static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE};
	z_stream stream = {0};
	size_t written;
	int status;

	/* qemu reads a 4 KiB window, so nothing else is a valid image */
	if (deflateInit2(&stream, (int) below(10), Z_DEFLATED, -12, 1 + (int) below(9),
					 strategies[below(4)]) != Z_OK)
		die("deflateInit2 failed");
	stream.next_in = (unsigned char *) from;
	stream.next_out = to;
	stream.avail_out = (unsigned int) space;
	if (percent(20) && length >= 2)
	{
		/* flushed in the middle: empty stored blocks in the stream */
		stream.avail_in = (unsigned int) (length / 2);
		status = deflate(&stream, percent(50) ? Z_FULL_FLUSH : Z_SYNC_FLUSH);
		if (status != Z_OK)
		{
			deflateEnd(&stream);
			return 0;
		}
		stream.avail_in += (unsigned int) (length - length / 2);
	}
	else
		stream.avail_in = (unsigned int) length;
	status = deflate(&stream, Z_FINISH);
	written = space - stream.avail_out;
	deflateEnd(&stream);
	return status == Z_STREAM_END ? written : 0;
}

size_t
zstd_cluster(const unsigned char *from, size_t length, unsigned char *to, size_t space)
{
	size_t first = percent(20) ? length / 2 : length;
	size_t written = ZSTD_compress(to, space, from, first, 1 + (int) below(5));

	if (ZSTD_isError(written))
		return 0;
	if (first < length)
	{
		size_t more = ZSTD_compress(to + written, space - written, from + first, length - first, 1);

		if (ZSTD_isError(more))
			return 0;
		written += more;
	}
	return written;
}
