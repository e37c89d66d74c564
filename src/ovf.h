/*
 * ovf.h
 *		Reads oVirt's dialect of OVF, as snapshots.vm_configuration holds it (engine 3.1 to 4.5).
 *
 * These files know libxml2 and libuuid but nothing of PostgreSQL: they allocate with malloc and
 * never jump, so that nothing leaks on an error, and the fuzzer links them alone.
 */
#ifndef VMCLONE_OVF_H
#define VMCLONE_OVF_H

#include <stddef.h>

#define OVF_MAX_BYTES    (16 * 1024 * 1024)
#define OVF_MAX_DEPTH    64
#define OVF_MAX_ELEMENTS 200000
#define OVF_MAX_DISKS    2048
#define OVF_MAX_DEVICES  4096

/* Why a document is refused. */
typedef struct OvfError
{
	int line;          /* from 1; 0 if there is none */
	char element[256]; /* path of the element or attribute; empty if there is none */
	char message[512]; /* what is wrong, UTF-8, one line, no full stop */
} OvfError;

/*
 * Takes a document in UTF-8 of length bytes and returns the text of the JSON object that
 * configuration.h describes, without what needs the database, in UTF-8; the caller frees it
 * with free().  NULL: refused, *error says why.
 */
extern char *ovf_read(const char *ovf, size_t length, OvfError *error);

#endif
