/*
 * ovf_values.c
 *		The values that the reader gives, and the memory that they and the tree lie in.
 */
#include <string.h>

#include "ovf/ovf_internal.h"

#ifndef OVF_CHUNK_SIZE
#define OVF_CHUNK_SIZE (32 * 1024)
#endif
#define CHUNK_SIZE (size_t) OVF_CHUNK_SIZE
#define ALIGNMENT  (size_t) 8

typedef struct OvfChunk
{
	struct OvfChunk *next;
} OvfChunk;

void *
ovf_allocate(OvfArena *arena, size_t size)
{
	void *memory;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (size > arena->free_size)
	{
		/* what doesn't fit well into a chunk gets one of its own */
		bool is_large = size > CHUNK_SIZE / 4;
		OvfChunk *chunk = arena->host->allocate(is_large ? sizeof(OvfChunk) + size : CHUNK_SIZE);

		if (chunk == NULL)
			return NULL;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		if (is_large)
			return chunk + 1;
		arena->free = (char *) (chunk + 1);
		arena->free_size = CHUNK_SIZE - sizeof(OvfChunk);
	}
	memory = arena->free;
	arena->free += size;
	arena->free_size -= size;
	return memory;
}

void
ovf_arena_free(OvfArena *arena)
{
	while (arena->chunks != NULL)
	{
		OvfChunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		arena->host->release(chunk);
	}
	arena->free = NULL;
	arena->free_size = 0;
}

static OvfValue *
new_value(OvfReader *reader, OvfKind kind)
{
	OvfValue *value = ovf_allocate(reader->result_memory, sizeof(OvfValue));

	if (value == NULL)
	{
		ovf_fail(reader, NULL, "out of memory");
		value = &reader->lost;
	}
	memset(value, 0, sizeof(*value));
	value->kind = kind;
	return value;
}

static OvfValue *
add(OvfReader *reader, OvfValue *parent, const char *key, OvfKind kind)
{
	OvfValue *value = new_value(reader, kind);

	ovf_add_part(reader, parent, key, value);
	return value;
}

OvfValue *
ovf_new_object(OvfReader *reader)
{
	return new_value(reader, OVF_OBJECT);
}

OvfValue *
ovf_new_array(OvfReader *reader)
{
	return new_value(reader, OVF_ARRAY);
}

OvfValue *
ovf_add_object(OvfReader *reader, OvfValue *parent, const char *key)
{
	return add(reader, parent, key, OVF_OBJECT);
}

OvfValue *
ovf_add_array(OvfReader *reader, OvfValue *parent, const char *key)
{
	return add(reader, parent, key, OVF_ARRAY);
}

const char *
ovf_copy_text(OvfReader *reader, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = ovf_allocate(reader->result_memory, size);

	if (copy == NULL)
	{
		ovf_fail(reader, NULL, "out of memory");
		return "";
	}
	memcpy(copy, text, size);
	return copy;
}

void
ovf_add_text(OvfReader *reader, OvfValue *parent, const char *key, const char *text)
{
	OvfValue *value = add(reader, parent, key, text != NULL ? OVF_TEXT : OVF_NULL);

	if (text != NULL)
	{
		value->text = ovf_copy_text(reader, text);
		value->length = strlen(value->text);
	}
}

void
ovf_add_integer(OvfReader *reader, OvfValue *parent, const char *key, long long number)
{
	add(reader, parent, key, OVF_INTEGER)->integer = number;
}

void
ovf_add_boolean(OvfReader *reader, OvfValue *parent, const char *key, bool truth)
{
	add(reader, parent, key, OVF_BOOLEAN)->boolean = truth;
}

void
ovf_add_part(OvfReader *reader, OvfValue *parent, const char *key, OvfValue *part)
{
	if (parent == &reader->lost)
		return;
	part->key = key;
	part->next = NULL;
	if (parent->last != NULL)
		parent->last->next = part;
	else
		parent->first = part;
	parent->last = part;
	parent->count++;
}
