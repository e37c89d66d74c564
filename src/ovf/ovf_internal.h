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

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "ovf/ovf.h"
#include "ovirt/ovirt_codes.h"

/* JSON text under construction; a failed allocation is remembered and reported once at the end. */
typedef struct OvfJson
{
	char *data;
	size_t length;
	size_t capacity;
	bool failed;
} OvfJson;

/* One File of References with its Disk and, once the hardware is read, its Item. */
typedef struct OvfDisk
{
	const xmlNode *file;
	const xmlNode *disk;
	char disk_id[OVF_UUID_SIZE];
	char image_id[OVF_UUID_SIZE]; /* empty for a direct LUN */
	int storage_type;             /* DiskStorageType */
	bool plugged;
	bool read_only;
} OvfDisk;

typedef struct OvfReader
{
	xmlDoc *document;
	OvfError *error;
	OvfInterrupted interrupted; /* NULL: never */
	bool failed;
	xmlChar **strings; /* texts that libxml2 put together for us; freed at the end */
	int string_count;
	int string_capacity;
	char vm_id[OVF_UUID_SIZE];
	int version; /* of the engine that wrote the document: 100 * major + minor; 0 if not given */
	OvfDisk *disks;
	int disk_count;
	/* parts of the result */
	OvfJson vm_static;
	OvfJson vm_init;
	OvfJson interfaces;
	OvfJson devices;
	OvfJson numa_nodes;
	OvfJson affinity_groups;
	OvfJson affinity_labels;
	OvfJson external_data;
	OvfJson pinned_hosts;
	OvfJson warnings;
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

/* ovf_json.c; key NULL inside an array */
extern void ovf_json_object(OvfJson *json, const char *key);
extern void ovf_json_object_end(OvfJson *json);
extern void ovf_json_array(OvfJson *json, const char *key);
extern void ovf_json_array_end(OvfJson *json);
extern void ovf_json_text(OvfJson *json, const char *key, const char *text); /* NULL is null */
extern void ovf_json_integer(OvfJson *json, const char *key, long long value);
extern void ovf_json_boolean(OvfJson *json, const char *key, bool value);
extern void ovf_json_part(OvfJson *json, const char *key,
						  OvfJson *part); /* part is ended already */
extern void ovf_json_free(OvfJson *json);

/* ovf_xml.c */
extern bool ovf_parse(OvfReader *reader, const char *ovf, size_t length);
extern void ovf_release(OvfReader *reader);
extern bool ovf_fail(OvfReader *reader, const xmlNode *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern void ovf_warn(OvfReader *reader, const xmlNode *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern const char *ovf_local_name(const xmlNode *node);
extern const xmlNode *ovf_child(const xmlNode *parent, const char *name);
extern const xmlNode *ovf_next(const xmlNode *node, const char *name);
extern const xmlNode *ovf_attribute(const xmlNode *node, const char *name);
extern const xmlNode *ovf_section(const xmlNode *parent, const char *name);
extern const char *ovf_text(OvfReader *reader, const xmlNode *node); /* "" for NULL; never NULL */
extern const char *ovf_child_text(OvfReader *reader, const xmlNode *parent, const char *name);
extern const char *ovf_attribute_text(OvfReader *reader, const xmlNode *node, const char *name);
extern bool ovf_is_blank(const char *text);

/* A text of at most most characters, as wide as its column; 0: any length. */
extern bool ovf_fits(OvfReader *reader, const xmlNode *node, const char *text, int most);
extern const char *ovf_excerpt(const char *text, char *buffer, size_t size);

/* Typed values of an element or attribute that is there and not blank. */
extern bool ovf_integer(OvfReader *reader, const xmlNode *node, long long least, long long most,
						long long *value);
extern bool ovf_boolean(OvfReader *reader, const xmlNode *node, bool *value);
extern bool ovf_uuid(OvfReader *reader, const xmlNode *node, const char *text,
					 char uuid[OVF_UUID_SIZE]);
extern bool ovf_is_uuid(const char *text, char uuid[OVF_UUID_SIZE]);
extern bool ovf_date(OvfReader *reader, const xmlNode *node, char *date, size_t size);
extern bool ovf_attribute_boolean(OvfReader *reader, const xmlNode *node, const char *name,
								  bool absent, bool *value);
extern void ovf_derived_uuid(const OvfReader *reader, const char *kind, int number,
							 char uuid[OVF_UUID_SIZE]);

/* ovf_disks.c */
extern bool ovf_read_disks(OvfReader *reader, const xmlNode *envelope);
extern OvfDisk *ovf_find_disk(OvfReader *reader, const char *image_id);
extern bool ovf_write_disks(OvfReader *reader, OvfJson *json, OvfJson *short_forms,
							OvfDiskPlace *places);

/* ovf_devices.c */
extern bool ovf_read_hardware(OvfReader *reader, const xmlNode *section);
extern bool ovf_add_default_devices(OvfReader *reader, long long display_type, bool has_display);

/* ovf_general.c */
extern bool ovf_read_operating_system(OvfReader *reader, const xmlNode *section);
extern bool ovf_read_general(OvfReader *reader, const xmlNode *content);

/* ovf_sections.c */
extern bool ovf_read_vm_init(OvfReader *reader, const xmlNode *content);
extern bool ovf_read_numa_nodes(OvfReader *reader, const xmlNode *section);
extern bool ovf_read_names(OvfReader *reader, const xmlNode *section, const char *element,
						   OvfJson *names);
extern bool ovf_read_external_data(OvfReader *reader, const xmlNode *section);

/* ovf_os.c: id of a name of the engine's osinfo files, or -1 */
extern int ovf_os_id(const char *name);

#endif
