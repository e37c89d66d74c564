/*
 * utf8.h
 *		Characters of text that may be any bytes: paths, and names that images hold.
 */
#ifndef COPY_UTF8_H
#define COPY_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character that begins at "text", which ends with a NUL.  Returns its length in bytes and sets *code
 * to its code point; 0 where the bytes are no UTF-8 (overlong forms and surrogates are none either).
 */
extern size_t utf8_decode(const char *text, uint32_t *code);

#endif
