/*
 * ovf.h
 *		Reads oVirt's dialect of OVF, as snapshots.vm_configuration holds it (engine 3.1 to 4.5).
 *
 * These files know libxml2 and libuuid but nothing of PostgreSQL, and the fuzzer links them alone:
 * they take memory from their host and never jump, so that nothing leaks on an error.
 */
#ifndef VMCLONE_OVF_H
#define VMCLONE_OVF_H

#include <stdbool.h>
#include <stddef.h>

/* Below libxml2's limit for one text, 10,000,000 bytes: its version 2.9 can take what is cut there for whole. */
#ifndef OVF_MAX_BYTES
#define OVF_MAX_BYTES (8 * 1024 * 1024)
#endif
#define OVF_MAX_DEPTH                 64
#define OVF_MAX_ELEMENTS              200000
#define OVF_MAX_ATTRIBUTES            400000
#define OVF_MAX_ATTRIBUTES_OF_ELEMENT 256 /* libxml2 2.9 compares each with each */
#define OVF_MAX_DISKS                 2048
#define OVF_MAX_DEVICES               4096

/* What the reader's caller provides. */
typedef struct OvfHost
{
	void *(*allocate)(size_t size); /* NULL: out of memory; must not jump */
	void (*release)(void *memory);
	bool (*interrupted)(void); /* asked now and then: true stops the reader; may be NULL */
} OvfHost;

/* Memory that is given back as a whole. */
typedef struct OvfArena
{
	const OvfHost *host;
	struct OvfChunk *chunks;
	char *free;
	size_t free_size;
} OvfArena;

/* Why a document is refused. */
typedef struct OvfError
{
	int line;          /* from 1; 0 if there is none */
	char element[256]; /* path of the element or attribute; empty if there is none */
	char message[512]; /* what is wrong, UTF-8, one line, no full stop */
} OvfError;

#define OVF_UUID_SIZE 37

typedef enum OvfKind
{
	OVF_NULL,
	OVF_TEXT,
	OVF_INTEGER,
	OVF_BOOLEAN,
	OVF_OBJECT,
	OVF_ARRAY,
} OvfKind;

/* A value of the result, as JSON has them; keys and texts are well-formed UTF-8. */
typedef struct OvfValue
{
	struct OvfValue *next; /* in the same object or array */
	const char *key;       /* of a member; of two that are equal the last one counts */
	OvfKind kind;
	union
	{
		struct
		{
			const char *text;
			size_t length;
		};
		long long integer;
		bool boolean;
		struct
		{
			struct OvfValue *first;
			struct OvfValue *last;
			int count;
		};
	};
} OvfValue;

/* A disk of the result, so that what the database knows can be put in. */
typedef struct OvfDiskSummary
{
	char disk_id[OVF_UUID_SIZE];
	char image_id[OVF_UUID_SIZE]; /* empty for a direct LUN */
	const char *alias;            /* NULL: none */
	bool is_boot;
	bool copied;    /* a clone copies it: an image, and not shareable */
	long long size; /* bytes, rounded up to GiB by the engine; -1: not said */
} OvfDiskSummary;

typedef struct OvfResult
{
	OvfValue
		*document; /* the object that configuration.h describes, less what needs the database */
	OvfDiskSummary *disks; /* in the order of the array "disks" */
	int disk_count;
	OvfArena memory;
} OvfResult;

/*
 * Takes a document in UTF-8 of length bytes and gives what it says, to be freed with
 * ovf_result_free.  False: refused, *error says why, there is nothing to free.
 */
extern bool ovf_read(const char *ovf, size_t length, const OvfHost *host, OvfResult *result,
					 OvfError *error);
extern void ovf_result_free(OvfResult *result);

#endif
