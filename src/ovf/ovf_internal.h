/*
 * ovf_internal.h
 *		What the files of the OVF reader share.  Nobody else includes it.
 *
 * Functions that return bool return false when the document is refused; *reader->error then
 * holds the first reason.
 */
#ifndef VMCLONE_OVF_INTERNAL_H
#define VMCLONE_OVF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "ovf/ovf.h"
#include "ovirt/ovirt_codes.h"

/* An element or an attribute.  Names and prefixes are the parser's: two that are equal are one. */
typedef struct OvfNode
{
	const char *name;   /* without the prefix; one that isn't declared is refused */
	const char *prefix; /* NULL: none */
	bool has_namespace; /* by its prefix or by default */
	bool is_attribute;
	int line;
	struct OvfNode *parent;
	struct OvfNode *next;     /* sibling of the same kind */
	struct OvfNode *children; /* elements */
	struct OvfNode *last_child;
	struct OvfNode *attributes;
	const char *text;   /* of an attribute or an element without others, with a NUL behind it */
	size_t text_length; /* an element's with others within has all of theirs, each with its NUL */
} OvfNode;

/* One File of References with its Disk and, once the hardware is read, its Item. */
typedef struct OvfDisk
{
	const OvfNode *file;
	const OvfNode *disk;
	char disk_id[OVF_UUID_SIZE];
	char image_id[OVF_UUID_SIZE]; /* empty for a direct LUN */
	int storage_type;             /* DiskStorageType */
	bool plugged;
	bool read_only;
} OvfDisk;

typedef struct OvfReader
{
	OvfError *error;
	const OvfHost *host;
	bool failed;
	OvfArena memory;         /* of the tree, and what else ends with the reader */
	OvfArena *result_memory; /* of the values */
	void *parser;            /* has the names; NULL: none */
	OvfNode *root;
	char vm_id[OVF_UUID_SIZE];
	int version; /* of the engine that wrote the document: 100 * major + minor; 0 if not given */
	OvfDisk *disks;
	int disk_count;
	/* parts of the result */
	OvfValue *vm_static;
	OvfValue *vm_init;
	OvfValue *interfaces;
	OvfValue *devices;
	OvfValue *numa_nodes;
	OvfValue *affinity_groups;
	OvfValue *affinity_labels;
	OvfValue *external_data;
	OvfValue *pinned_hosts;
	OvfValue *warnings;
	OvfValue lost; /* stands for a value that there was no memory for */
	/* what later parts must know of the hardware */
	char (*device_ids)[OVF_UUID_SIZE];
	int device_count;
	int interface_count;
	long long memory_mb; /* 0: not given */
	bool has_balloon;
	bool has_graphics;
	bool has_virtio_serial;
	bool has_vm_init;
	bool has_external_data;
} OvfReader;

/* ovf_values.c; NULL: no memory */
extern void *ovf_allocate(OvfArena *arena, size_t size);
extern void ovf_arena_free(OvfArena *arena);

/*
 * Puts a value behind those of an object or array; key NULL in an array, else to last as long as the
 * result.  Without memory the reader has failed, and what is returned can be used all the same.
 */
extern OvfValue *ovf_new_object(OvfReader *reader);
extern OvfValue *ovf_new_array(OvfReader *reader);
extern OvfValue *ovf_add_object(OvfReader *reader, OvfValue *parent, const char *key);
extern OvfValue *ovf_add_array(OvfReader *reader, OvfValue *parent, const char *key);
extern void ovf_add_text(OvfReader *reader, OvfValue *parent, const char *key,
						 const char *text); /* is copied; NULL is null */
extern void ovf_add_integer(OvfReader *reader, OvfValue *parent, const char *key, long long value);
extern void ovf_add_boolean(OvfReader *reader, OvfValue *parent, const char *key, bool value);
extern void ovf_add_part(OvfReader *reader, OvfValue *parent, const char *key, OvfValue *part);
extern const char *ovf_copy_text(OvfReader *reader, const char *text);

/* ovf_parse.c */
extern bool ovf_parse(OvfReader *reader, const char *ovf, size_t length);
extern void ovf_release(OvfReader *reader);

/* ovf_error.c */
extern void ovf_copy_line(char *target, size_t size, const char *text);
extern bool ovf_fail(OvfReader *reader, const OvfNode *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ovf_tree.c */
extern void ovf_warn(OvfReader *reader, const OvfNode *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern const OvfNode *ovf_child(const OvfNode *parent, const char *name);
extern const OvfNode *ovf_next(const OvfNode *node, const char *name);
extern const OvfNode *ovf_attribute(const OvfNode *node, const char *name);
extern const OvfNode *ovf_section(const OvfNode *parent, const char *name);
extern const char *ovf_text(OvfReader *reader, const OvfNode *node); /* "" for NULL; never NULL */
extern const char *ovf_child_text(OvfReader *reader, const OvfNode *parent, const char *name);
extern const char *ovf_attribute_text(OvfReader *reader, const OvfNode *node, const char *name);
extern bool ovf_is_blank(const char *text);

/* A text of at most most characters, as wide as its column; 0: any length. */
extern bool ovf_fits(OvfReader *reader, const OvfNode *node, const char *text, int most);
extern const char *ovf_excerpt(const char *text, char *buffer, size_t size);

/* Typed values of an element or attribute that is there and not blank. */
extern bool ovf_integer(OvfReader *reader, const OvfNode *node, long long least, long long most,
						long long *value);
extern bool ovf_boolean(OvfReader *reader, const OvfNode *node, bool *value);
extern bool ovf_uuid(OvfReader *reader, const OvfNode *node, const char *text,
					 char uuid[OVF_UUID_SIZE]);
extern bool ovf_is_uuid(const char *text, char uuid[OVF_UUID_SIZE]);
extern bool ovf_date(OvfReader *reader, const OvfNode *node, char *date, size_t size);
extern bool ovf_attribute_boolean(OvfReader *reader, const OvfNode *node, const char *name,
								  bool absent, bool *value);
extern void ovf_derived_uuid(const OvfReader *reader, const char *kind, int number,
							 char uuid[OVF_UUID_SIZE]);

/* ovf_disks.c */
extern bool ovf_read_disks(OvfReader *reader, const OvfNode *envelope);
extern OvfDisk *ovf_find_disk(OvfReader *reader, const char *image_id);
extern bool ovf_write_disks(OvfReader *reader, OvfValue *document, OvfDiskSummary *summaries);

/* ovf_devices.c */
extern bool ovf_read_hardware(OvfReader *reader, const OvfNode *section);
extern bool ovf_add_default_devices(OvfReader *reader, long long display_type, bool has_display);

/* ovf_general.c */
extern bool ovf_read_operating_system(OvfReader *reader, const OvfNode *section);
extern bool ovf_read_general(OvfReader *reader, const OvfNode *content);

/* ovf_sections.c */
extern bool ovf_read_vm_init(OvfReader *reader, const OvfNode *content);
extern bool ovf_read_numa_nodes(OvfReader *reader, const OvfNode *section);
extern bool ovf_read_names(OvfReader *reader, const OvfNode *section, const char *element,
						   OvfValue *names);
extern bool ovf_read_external_data(OvfReader *reader, const OvfNode *section);

/* ovf_os.c: id of a name of the engine's osinfo files, or -1 */
extern int ovf_os_id(const char *name);

#endif
