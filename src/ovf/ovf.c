/*
 * ovf.c
 *		Reads a whole document in the engine's order: operating system, hardware, affinity,
 *		external data, NUMA, and the general data last.  A Snapshots section, which only full
 *		exports have, and the users' section say nothing about a clone.
 */
#include <stdio.h>
#include <string.h>

#include "ovf/ovf_internal.h"

static bool
read_document(OvfReader *reader, OvfResult *result)
{
	const OvfNode *envelope = reader->root;
	OvfValue *json = result->document;
	const OvfNode *content;
	const OvfNode *hardware;
	const OvfNode *version;
	int major, minor;

	if (strcmp(envelope->name, "Envelope") != 0)
		return ovf_fail(reader, envelope, "this is not an OVF document: the root is not Envelope");
	content = ovf_child(envelope, "Content");
	if (content == NULL)
		content = ovf_child(envelope, "VirtualSystem");
	if (content == NULL)
		return ovf_fail(reader, envelope, "element Content is missing");
	hardware = ovf_section(content, "VirtualHardwareSection");
	if (hardware == NULL)
		return ovf_fail(reader, content, "the VirtualHardwareSection is missing");

	version = ovf_attribute(envelope, "version");
	if (version != NULL && sscanf(ovf_text(reader, version), "%2d.%2d", &major, &minor) == 2 &&
		major >= 0 && minor >= 0)
		reader->version = 100 * major + minor;

	if (!ovf_read_disks(reader, envelope) ||
		!ovf_read_operating_system(reader, ovf_section(content, "OperatingSystemSection")) ||
		!ovf_read_hardware(reader, hardware) ||
		!ovf_read_names(reader, ovf_section(content, "AffinityGroupsSection"), "AffinityGroup",
						reader->affinity_groups) ||
		!ovf_read_names(reader, ovf_section(content, "AffinityLabelsSection"), "AffinityLabel",
						reader->affinity_labels) ||
		!ovf_read_external_data(reader, ovf_section(content, "VmExternalDataSection")) ||
		!ovf_read_numa_nodes(reader, ovf_section(content, "NumaNodeSection")) ||
		!ovf_read_general(reader, content) || !ovf_read_vm_init(reader, content))
		return false;

	ovf_add_text(reader, json, "source", "ovf");
	ovf_add_text(reader, json, "ovf_version", version != NULL ? ovf_text(reader, version) : NULL);
	ovf_add_text(reader, json, "vm_id", reader->vm_id[0] != '\0' ? reader->vm_id : NULL);
	ovf_add_part(reader, json, "vm_static", reader->vm_static);
	if (reader->has_vm_init)
		ovf_add_part(reader, json, "vm_init", reader->vm_init);
	else
		ovf_add_text(reader, json, "vm_init", NULL);
	result->disk_count = reader->disk_count;
	result->disks =
		ovf_allocate(reader->result_memory, sizeof(OvfDiskSummary) * (reader->disk_count + 1));
	if (result->disks == NULL)
		return ovf_fail(reader, NULL, "out of memory");
	if (!ovf_write_disks(reader, json, result->disks))
		return false;
	ovf_add_part(reader, json, "interfaces", reader->interfaces);
	ovf_add_part(reader, json, "devices", reader->devices);
	ovf_add_part(reader, json, "numa_nodes", reader->numa_nodes);
	ovf_add_part(reader, json, "affinity_groups", reader->affinity_groups);
	ovf_add_part(reader, json, "affinity_labels", reader->affinity_labels);
	if (reader->has_external_data)
		ovf_add_part(reader, json, "external_data", reader->external_data);
	else
		ovf_add_text(reader, json, "external_data", NULL);
	ovf_add_part(reader, json, "pinned_hosts", reader->pinned_hosts);
	ovf_add_part(reader, json, "warnings", reader->warnings);
	return !reader->failed;
}

bool
ovf_read(const char *ovf, size_t length, const OvfHost *host, OvfResult *result, OvfError *error)
{
	OvfReader reader = {
		.error = error,
		.host = host,
		.memory = {.host = host},
		.result_memory = &result->memory,
	};
	OvfValue **objects[] = {&result->document, &reader.vm_static, &reader.vm_init,
							&reader.external_data};
	OvfValue **arrays[] = {&reader.interfaces,      &reader.devices,         &reader.numa_nodes,
						   &reader.affinity_groups, &reader.affinity_labels, &reader.pinned_hosts,
						   &reader.warnings};
	bool done;

	memset(error, 0, sizeof(*error));
	memset(result, 0, sizeof(*result));
	result->memory.host = host;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		*objects[i] = ovf_new_object(&reader);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		*arrays[i] = ovf_new_array(&reader);
	done = !reader.failed && ovf_parse(&reader, ovf, length) && read_document(&reader, result);
	ovf_release(&reader);
	if (!done)
		ovf_result_free(result);
	return done;
}

void
ovf_result_free(OvfResult *result)
{
	ovf_arena_free(&result->memory);
	memset(result, 0, sizeof(*result));
}
