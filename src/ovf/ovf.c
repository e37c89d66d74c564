/*
 * ovf.c
 *		Reads a whole document in the engine's order: operating system, hardware, affinity,
 *		external data, NUMA, and the general data last.  A Snapshots section, which only full
 *		exports have, and the users' section say nothing about a clone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovf/ovf_internal.h"

static bool
read_document(OvfReader *reader, OvfJson *json, OvfJson *short_forms, OvfResult *result)
{
	const xmlNode *envelope = xmlDocGetRootElement(reader->document);
	const xmlNode *content;
	const xmlNode *hardware;
	const xmlNode *version;
	int major, minor;

	if (envelope == NULL || strcmp(ovf_local_name(envelope), "Envelope") != 0)
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
						&reader->affinity_groups) ||
		!ovf_read_names(reader, ovf_section(content, "AffinityLabelsSection"), "AffinityLabel",
						&reader->affinity_labels) ||
		!ovf_read_external_data(reader, ovf_section(content, "VmExternalDataSection")) ||
		!ovf_read_numa_nodes(reader, ovf_section(content, "NumaNodeSection")) ||
		!ovf_read_general(reader, content) || !ovf_read_vm_init(reader, content))
		return false;

	ovf_json_object_end(&reader->vm_static);
	ovf_json_object_end(&reader->vm_init);
	ovf_json_object_end(&reader->external_data);
	ovf_json_array_end(&reader->interfaces);
	ovf_json_array_end(&reader->devices);
	ovf_json_array_end(&reader->numa_nodes);
	ovf_json_array_end(&reader->affinity_groups);
	ovf_json_array_end(&reader->affinity_labels);
	ovf_json_array_end(&reader->pinned_hosts);
	ovf_json_array_end(&reader->warnings);

	ovf_json_object(json, NULL);
	ovf_json_text(json, "source", "ovf");
	ovf_json_text(json, "ovf_version", version != NULL ? ovf_text(reader, version) : NULL);
	ovf_json_text(json, "vm_id", reader->vm_id[0] != '\0' ? reader->vm_id : NULL);
	ovf_json_part(json, "vm_static", &reader->vm_static);
	if (reader->has_vm_init)
		ovf_json_part(json, "vm_init", &reader->vm_init);
	else
		ovf_json_text(json, "vm_init", NULL);
	result->disk_count = reader->disk_count;
	result->disks = calloc(reader->disk_count + 1, sizeof(OvfDiskPlace));
	if (result->disks == NULL)
		return ovf_fail(reader, NULL, "out of memory");
	if (!ovf_write_disks(reader, json, short_forms, result->disks))
		return false;
	ovf_json_part(json, "interfaces", &reader->interfaces);
	ovf_json_part(json, "devices", &reader->devices);
	ovf_json_part(json, "numa_nodes", &reader->numa_nodes);
	ovf_json_part(json, "affinity_groups", &reader->affinity_groups);
	ovf_json_part(json, "affinity_labels", &reader->affinity_labels);
	if (reader->has_external_data)
		ovf_json_part(json, "external_data", &reader->external_data);
	else
		ovf_json_text(json, "external_data", NULL);
	ovf_json_part(json, "pinned_hosts", &reader->pinned_hosts);
	ovf_json_part(json, "warnings", &reader->warnings);
	ovf_json_object_end(json);
	if (json->failed || short_forms->failed)
		return ovf_fail(reader, NULL, "out of memory");
	return !reader->failed;
}

bool
ovf_read(const char *ovf, size_t length, OvfInterrupted interrupted, OvfResult *result,
		 OvfError *error)
{
	OvfReader reader = {.error = error, .interrupted = interrupted};
	OvfJson json = {0};
	OvfJson short_forms = {0};
	OvfJson *objects[] = {&reader.vm_static, &reader.vm_init, &reader.external_data};
	OvfJson *arrays[] = {&reader.interfaces,      &reader.devices,         &reader.numa_nodes,
						 &reader.affinity_groups, &reader.affinity_labels, &reader.pinned_hosts,
						 &reader.warnings};
	bool done;

	memset(error, 0, sizeof(*error));
	memset(result, 0, sizeof(*result));
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		ovf_json_object(objects[i], NULL);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		ovf_json_array(arrays[i], NULL);
	done = ovf_parse(&reader, ovf, length) && read_document(&reader, &json, &short_forms, result);
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		ovf_json_free(objects[i]);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		ovf_json_free(arrays[i]);
	free(reader.disks);
	free(reader.device_ids);
	ovf_release(&reader);
	result->json = json.data;
	result->length = json.length;
	result->short_forms = short_forms.data;
	result->short_length = short_forms.length;
	if (!done)
		ovf_result_free(result);
	return done;
}

void
ovf_result_free(OvfResult *result)
{
	free(result->json);
	free(result->short_forms);
	free(result->disks);
	memset(result, 0, sizeof(*result));
}
