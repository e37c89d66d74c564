/*
 * ovf.h
 *		Reads oVirt's dialect of OVF, as snapshots.vm_configuration holds it (engine 3.1 to 4.5).
 *
 * These files know libxml2 and libuuid but nothing of PostgreSQL: they allocate with malloc and
 * never jump, so that nothing leaks on an error, and the fuzzer links them alone.
 */
#ifndef VMCLONE_OVF_H
#define VMCLONE_OVF_H

#include <stdbool.h>
#include <stddef.h>

/* Below libxml2's limit for one text, 10,000,000 bytes: its version 2.9 takes what is cut there for whole. */
#ifndef OVF_MAX_BYTES
#define OVF_MAX_BYTES (8 * 1024 * 1024)
#endif
#define OVF_MAX_DEPTH                 64
#define OVF_MAX_ELEMENTS              200000
#define OVF_MAX_ATTRIBUTES            400000
#define OVF_MAX_ATTRIBUTES_OF_ELEMENT 256 /* libxml2 2.9 compares each with each */
#define OVF_MAX_DISKS                 2048
#define OVF_MAX_DEVICES               4096

/* Why a document is refused. */
typedef struct OvfError
{
	int line;          /* from 1; 0 if there is none */
	char element[256]; /* path of the element or attribute; empty if there is none */
	char message[512]; /* what is wrong, UTF-8, one line, no full stop */
} OvfError;

#define OVF_UUID_SIZE 37

/* Where a disk is in the result, so that what the database knows can be put in. */
typedef struct OvfDiskPlace
{
	char disk_id[OVF_UUID_SIZE];
	char image_id[OVF_UUID_SIZE]; /* empty for a direct LUN */
	bool copied;                  /* a clone copies it: an image, and not shareable */
	long long size;               /* bytes, rounded up to GiB by the engine; 0: not said */
	size_t end;                   /* of the disk's object in json, before its closing brace */
	size_t short_begin;           /* of its short form in short_forms: an object without */
	size_t short_end;             /* its closing brace */
} OvfDiskPlace;

typedef struct OvfResult
{
	char *json; /* the object that configuration.h describes, less what needs the database */
	size_t length;
	char *short_forms; /* disks as missing_disks shows them */
	size_t short_length;
	OvfDiskPlace *disks; /* in the order of the array "disks" */
	int disk_count;
} OvfResult;

/* Asked now and then while a document is read: true stops the reader. */
typedef bool (*OvfInterrupted)(void);

/*
 * Takes a document in UTF-8 of length bytes and gives JSON text in UTF-8, to be freed with
 * ovf_result_free.  False: refused, *error says why, there is nothing to free.  interrupted may be NULL.
 */
extern bool ovf_read(const char *ovf, size_t length, OvfInterrupted interrupted, OvfResult *result,
					 OvfError *error);
extern void ovf_result_free(OvfResult *result);

#endif
