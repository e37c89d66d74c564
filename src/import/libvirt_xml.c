/*
 * libvirt_xml.c
 *		A libvirt domain's XML made over for a clone: other ids, names, files and addresses, and nothing of the run.
 *
 * The XML is what an administrator has imported.  It is read as a tree by libxml2, within its own limits, and changed in place,
 * so that what vmclone knows nothing of stays as it is.
 */
#include "postgres.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "base/extension.h"
#include "base/json.h"
#include "base/json_objects.h"

VMCLONE_FUNCTION_INFO(vmclone_libvirt_edit);

#define MAX_BYTES 1048576

static const xmlChar *
word(const char *text)
{
	return (const xmlChar *) text;
}

static bool
is_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && xmlStrEqual(node->name, word(name));
}

/* The first child element of that name; NULL: none. */
static xmlNode *
child(const xmlNode *parent, const char *name)
{
	xmlNode *node = parent != NULL ? parent->children : NULL;

	while (node != NULL && !is_named(node, name))
		node = node->next;
	return node;
}

static bool
has_value(xmlNode *node, const char *attribute, const char *expected)
{
	xmlChar *value = node != NULL ? xmlGetNoNsProp(node, word(attribute)) : NULL;
	bool same = value != NULL && xmlStrEqual(value, word(expected));

	xmlFree(value);
	return same;
}

static void
remove_node(xmlNode *node)
{
	if (node == NULL)
		return;
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

static void
remove_children(xmlNode *parent, const char *name)
{
	xmlNode *node;

	while ((node = child(parent, name)) != NULL)
		remove_node(node);
}

/* The child of that name gets the text; it is made where there is none. */
static void
put_text(xmlNode *parent, const char *name, const char *text)
{
	xmlNode *node = child(parent, name);

	if (node == NULL)
		node = xmlNewChild(parent, NULL, word(name), NULL);
	xmlNodeSetContent(node, NULL);
	xmlNodeAddContent(node, word(text));
}

/* Value of an attribute, in the current memory context; NULL: there is none. */
static char *
value_of(xmlNode *node, const char *attribute)
{
	xmlChar *value = node != NULL ? xmlGetNoNsProp(node, word(attribute)) : NULL;
	char *copy = value != NULL ? pstrdup((char *) value) : NULL;

	xmlFree(value);
	return copy;
}

/* ---------- devices ---------- */

static bool
is_medium(xmlNode *disk)
{
	return has_value(disk, "device", "cdrom") || has_value(disk, "device", "floppy");
}

/* The clone's disk of the same target; false: it has none. */
static bool
change_disk(xmlNode *disk, const Jsonb *disks)
{
	char *target = value_of(child(disk, "target"), "dev");
	Jsonb *wanted = target != NULL ? json_get(disks, target) : NULL;
	xmlNode *source = child(disk, "source");
	xmlNode *driver = child(disk, "driver");

	if (wanted == NULL || source == NULL)
		return false;
	remove_children(disk, "backingStore");
	remove_children(disk, "mirror");
	if (driver == NULL)
	{
		driver = xmlNewChild(disk, NULL, word("driver"), NULL);
		xmlSetProp(driver, word("name"), word("qemu"));
	}
	xmlSetProp(driver, word("type"), word(json_get_text(wanted, "format")));
	while (source->properties != NULL)
		xmlRemoveProp(source->properties);
	while (source->children != NULL)
		remove_node(source->children);
	xmlSetProp(source, word("file"), word(json_get_text(wanted, "file")));
	return true;
}

/* wanted: the clone's NIC, or NULL.  False: it has none. */
static bool
change_interface(xmlNode *interface, const Jsonb *wanted)
{
	char *address;

	if (wanted == NULL || !json_get_bool(wanted, "is_kept", false))
		return false;
	address = json_get_text(wanted, "address");
	if (child(interface, "mac") == NULL)
		xmlNewChild(interface, NULL, word("mac"), NULL);
	if (address != NULL)
		xmlSetProp(child(interface, "mac"), word("address"), word(address));
	return true;
}

/* What libvirt finds for every run, and what only one virtual machine can have at a time. */
static void
forget_run(xmlNode *device)
{
	remove_children(device, "alias");
	if (is_named(device, "interface"))
		remove_children(device, "target");
	if (is_named(device, "channel") && has_value(device, "type", "unix"))
		remove_children(device, "source");
	if (is_named(device, "graphics") && has_value(device, "autoport", "yes"))
		xmlUnsetProp(device, word("port"));
	if (is_named(device, "console"))
		xmlUnsetProp(device, word("tty"));
}

static void
change_devices(xmlNode *devices, const Jsonb *changes)
{
	Jsonb *disks = json_get(changes, "disks");
	int count;
	Jsonb **interfaces = json_get_elements(changes, "interfaces", &count);
	int number = 0;
	bool is_interface;
	xmlNode *next;

	for (xmlNode *device = devices != NULL ? devices->children : NULL; device != NULL;
		 device = next)
	{
		next = device->next;
		if (device->type != XML_ELEMENT_NODE)
			continue;
		is_interface = is_named(device, "interface");
		forget_run(device);
		if (is_named(device, "disk") && !is_medium(device) && !change_disk(device, disks))
			remove_node(device);
		else if (is_interface &&
				 !change_interface(device, number < count ? interfaces[number] : NULL))
			remove_node(device);
		number += is_interface;
	}
}

/* ---------- the domain ---------- */

/* A number that the caller has changed; what is the same stays as it is written. */
static void
put_number(xmlNode *domain, const char *name, const Jsonb *changes, const char *key, bool is_memory)
{
	char *text = json_get_text(changes, key);
	xmlNode *node = child(domain, name);

	if (text == NULL || (node == NULL && is_memory && strcmp(name, "memory") != 0))
		return;
	put_text(domain, name, text);
	if (is_memory)
		xmlSetProp(child(domain, name), word("unit"), word("MiB"));
}

static void
change_domain(xmlNode *domain, const Jsonb *changes)
{
	xmlNode *os = child(domain, "os");

	xmlUnsetProp(domain, word("id"));
	put_text(domain, "name", json_get_text(changes, "name"));
	put_text(domain, "uuid", json_get_text(changes, "vm_id"));
	put_number(domain, "memory", changes, "memory_mb", true);
	put_number(domain, "currentMemory", changes, "memory_mb", true);
	if (json_get_text(changes, "vcpus") != NULL)
	{
		xmlNode *cpu = child(domain, "cpu");

		put_number(domain, "vcpu", changes, "vcpus", false);
		if (child(domain, "vcpu") != NULL)
			xmlUnsetProp(child(domain, "vcpu"), word("current"));
		remove_children(cpu, "topology");
		remove_children(domain, "vcpus");
	}
	/* libvirt makes a new one of the firmware's template */
	if (os != NULL)
		remove_children(os, "nvram");
	for (xmlNode *label = child(domain, "seclabel"); label != NULL;)
	{
		xmlNode *next = label->next;

		if (is_named(label, "seclabel") && has_value(label, "type", "dynamic"))
			remove_node(label);
		label = next;
	}
	change_devices(child(domain, "devices"), changes);
}

/* libvirt_edit(domain_xml, changes) → text of the XML */
Datum
vmclone_libvirt_edit(PG_FUNCTION_ARGS)
{
	char *domain_xml = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const Jsonb *changes = PG_GETARG_JSONB_P(1);
	size_t length = strlen(domain_xml);
	xmlDoc *document;
	xmlNode *domain;
	xmlBuffer *buffer;
	char *result = NULL;

	if (length > MAX_BYTES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("XML of the virtual machine is too long"),
						errhint("Import the domain again.")));
	document = xmlReadMemory(domain_xml, (int) length, NULL, "UTF-8",
							 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	domain = document != NULL ? xmlDocGetRootElement(document) : NULL;
	if (domain == NULL || !is_named(domain, "domain") || document->intSubset != NULL)
	{
		xmlFreeDoc(document);
		ereport(ERROR, (errcode(ERRCODE_VC_VM_CONFIGURATION),
						errmsg("the XML kept of the virtual machine is not that of a domain"),
						errhint("Import the domain again.")));
	}
	buffer = xmlBufferCreate();
	/* what PostgreSQL allocates meanwhile may fail, and libxml2's memory is not its own */
	PG_TRY();
	{
		change_domain(domain, changes);
		if (buffer != NULL && xmlNodeDump(buffer, document, domain, 0, 0) > 0)
			result = pstrdup((const char *) xmlBufferContent(buffer));
	}
	PG_FINALLY();
	{
		xmlBufferFree(buffer);
		xmlFreeDoc(document);
	}
	PG_END_TRY();
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
