/*
 * utf8.c
 *		Characters of text that may be any bytes.
 */
#include "copy/base/utf8.h"

size_t
utf8_decode(const char *text, uint32_t *code)
{
	/* the smallest code point that needs so many bytes */
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *) text;
	size_t length = bytes[0] < 0x80                       ? 1
					: bytes[0] >= 0xc2 && bytes[0] < 0xe0 ? 2
					: bytes[0] >= 0xe0 && bytes[0] < 0xf0 ? 3
					: bytes[0] >= 0xf0 && bytes[0] < 0xf5 ? 4
														  : 0;

	if (length <= 1)
	{
		*code = bytes[0];
		return length;
	}
	*code = bytes[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++)
	{
		/* a NUL is none of these, so nothing behind it is read */
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (bytes[i] & 0x3f);
	}
	if (*code < smallest[length] || (*code >= 0xd800 && *code < 0xe000) || *code > 0x10ffff)
		return 0;
	return length;
}
