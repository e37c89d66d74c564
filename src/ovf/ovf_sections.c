/*
 * ovf_sections.c
 *		VmInit, NUMA nodes, affinity groups and labels, TPM and NVRAM data.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ovf/ovf_internal.h"

#define MAX_NUMA_NODES 1024

typedef struct InitAttribute
{
	const char *attribute;
	const char *column;
	int most;       /* characters; 0 is any number */
	bool has_lines; /* line ends are written as \n, or as an escaped character reference */
} InitAttribute;

static const InitAttribute init_attributes[] = {
	{"hostname", "host_name", 0, false},     {"domain", "domain", 0, false},
	{"timeZone", "time_zone", 40, false},    {"authorizedKeys", "authorized_keys", 0, true},
	{"dnsServers", "dns_servers", 0, false}, {"dnsSearch", "dns_search_domains", 0, false},
	{"networks", "networks", 0, false},      {"winKey", "winkey", 30, false},
	{"rootPassword", "password", 0, false},  {"customScript", "custom_script", 0, true},
};

static bool
write_lines(OvfReader *reader, const OvfNode *node, const char *column)
{
	const char *text = ovf_text(reader, node);
	char *lines = ovf_allocate(&reader->memory, strlen(text) + 1);
	char *end = lines;

	if (lines == NULL)
		return ovf_fail(reader, node, "out of memory");
	while (*text != '\0')
	{
		if (strncmp(text, "\\n", 2) == 0 || strncmp(text, "&#10;", 5) == 0)
		{
			*end++ = '\n';
			text += *text == '\\' ? 2 : 5;
		}
		else
			*end++ = *text++;
	}
	*end = '\0';
	ovf_add_text(reader, reader->vm_init, column, lines);
	return true;
}

bool
ovf_read_vm_init(OvfReader *reader, const OvfNode *content)
{
	const OvfNode *node = ovf_child(content, "VmInit");
	const OvfNode *domain = ovf_child(content, "Domain");
	const OvfNode *attribute;
	bool regenerate;

	/* before 3.4 the domain was all there was */
	if (node == NULL && (domain == NULL || ovf_is_blank(ovf_text(reader, domain))))
		return true;
	reader->has_vm_init = true;
	if (ovf_attribute(node, "domain") == NULL && domain != NULL)
		ovf_add_text(reader, reader->vm_init, "domain", ovf_text(reader, domain));
	for (size_t i = 0; i < sizeof(init_attributes) / sizeof(init_attributes[0]); i++)
	{
		attribute = ovf_attribute(node, init_attributes[i].attribute);
		if (attribute == NULL)
			continue;
		if (!ovf_fits(reader, attribute, ovf_text(reader, attribute), init_attributes[i].most))
			return false;
		if (!init_attributes[i].has_lines)
			ovf_add_text(reader, reader->vm_init, init_attributes[i].column,
						 ovf_text(reader, attribute));
		else if (!write_lines(reader, attribute, init_attributes[i].column))
			return false;
	}
	attribute = ovf_attribute(node, "regenerateKeys");
	if (attribute != NULL && !ovf_is_blank(ovf_text(reader, attribute)))
	{
		if (!ovf_boolean(reader, attribute, &regenerate))
			return false;
		ovf_add_boolean(reader, reader->vm_init, "regenerate_keys", regenerate);
	}
	return true;
}

/* Numbers with commas between them. */
static bool
write_numbers(OvfReader *reader, OvfValue *parent, const OvfNode *node, const char *key, int *count)
{
	OvfValue *numbers = ovf_add_array(reader, parent, key);
	const char *text = ovf_text(reader, node);
	char shown[64];

	*count = 0;
	while (!ovf_is_blank(text))
	{
		char *end;
		unsigned long number = strtoul(text, &end, 10);

		end += strspn(end, " \t\r\n");
		if (end == text || number > INT_MAX || strchr(text, '-') != NULL ||
			(*end != ',' && *end != '\0'))
			return ovf_fail(reader, node, "\"%s\" is not a list of numbers",
							ovf_excerpt(ovf_text(reader, node), shown, sizeof(shown)));
		ovf_add_integer(reader, numbers, NULL, (long long) number);
		++*count;
		text = *end == ',' ? end + 1 : end;
	}
	return true;
}

static bool
read_numa_node(OvfReader *reader, const OvfNode *node, int number)
{
	static const char *const modes[] = {"interleave", "strict", "preferred", NULL};
	OvfValue *json;
	const OvfNode *index_node = ovf_child(node, "Index");
	const OvfNode *memory_node = ovf_child(node, "MemTotal");
	const OvfNode *mode_node = ovf_child(node, "NumaTuneMode");
	const char *mode = ovf_text(reader, mode_node);
	const char *known = modes[0];
	long long index, memory;
	char id[OVF_UUID_SIZE];
	char shown[64];
	int cpu_count, host_count;

	if (index_node == NULL || memory_node == NULL)
		return ovf_fail(reader, node, "element %s is missing",
						index_node == NULL ? "Index" : "MemTotal");
	if (!ovf_integer(reader, index_node, 0, 32767, &index) ||
		!ovf_integer(reader, memory_node, 0, LLONG_MAX, &memory))
		return false;
	if (!ovf_is_blank(mode))
	{
		int i;

		for (i = 0; modes[i] != NULL && strcasecmp(modes[i], mode) != 0; i++)
			;
		if (modes[i] == NULL)
			return ovf_fail(reader, mode_node, "\"%s\" is not a NUMA tune mode",
							ovf_excerpt(mode, shown, sizeof(shown)));
		known = modes[i];
	}
	for (const OvfNode *other = ovf_child(node->parent, "NumaNode"); other != node;
		 other = ovf_next(other, "NumaNode"))
	{
		long long other_index;

		if (!ovf_integer(reader, ovf_child(other, "Index"), 0, 32767, &other_index))
			return false;
		if (other_index == index)
			return ovf_fail(reader, index_node, "there are two NUMA nodes %lld", index);
	}
	if (!ovf_is_uuid(ovf_child_text(reader, node, "id"), id))
		ovf_derived_uuid(reader, "numa_node", number, id);
	json = ovf_add_object(reader, reader->numa_nodes, NULL);
	ovf_add_text(reader, json, "numa_node_id", id);
	ovf_add_integer(reader, json, "numa_node_index", index);
	ovf_add_integer(reader, json, "mem_total", memory);
	ovf_add_text(reader, json, "numa_tune_mode", known);
	if (!write_numbers(reader, json, ovf_child(node, "cpuIdList"), "cpu_ids", &cpu_count) ||
		!write_numbers(reader, json, ovf_child(node, "vdsNumaNodeList"), "host_numa_nodes",
					   &host_count))
		return false;
	ovf_add_integer(reader, json, "cpu_count", cpu_count);
	return !reader->failed;
}

bool
ovf_read_numa_nodes(OvfReader *reader, const OvfNode *section)
{
	int number = 0;

	for (const OvfNode *node = ovf_child(section, "NumaNode"); node != NULL;
		 node = ovf_next(node, "NumaNode"))
	{
		if (number == MAX_NUMA_NODES)
			return ovf_fail(reader, node, "more than %d NUMA nodes", MAX_NUMA_NODES);
		if (!read_numa_node(reader, node, ++number))
			return false;
	}
	return true;
}

/* Affinity groups and labels: elements with nothing but ovf:name. */
bool
ovf_read_names(OvfReader *reader, const OvfNode *section, const char *element, OvfValue *names)
{
	for (const OvfNode *node = ovf_child(section, element); node != NULL;
		 node = ovf_next(node, element))
	{
		if (ovf_attribute(node, "name") == NULL)
			return ovf_fail(reader, node, "attribute ovf:name is missing");
		ovf_add_text(reader, names, NULL, ovf_attribute_text(reader, node, "name"));
	}
	return !reader->failed;
}

bool
ovf_read_external_data(OvfReader *reader, const OvfNode *section)
{
	bool seen[2] = {false, false};

	for (const OvfNode *node = ovf_child(section, "VmExternalDataItem"); node != NULL;
		 node = ovf_next(node, "VmExternalDataItem"))
	{
		static const char *const kinds[] = {"tpm", "nvram"};
		const char *kind = ovf_attribute_text(reader, node, "kind");
		const OvfNode *content = ovf_child(node, "VmExternalDataContent");
		char shown[64];
		int i;

		for (i = 0; i < 2 && strcasecmp(kinds[i], kind) != 0; i++)
			;
		if (i == 2)
			return ovf_fail(reader, node, "\"%s\" is not a kind of external data",
							ovf_excerpt(kind, shown, sizeof(shown)));
		if (content == NULL)
			return ovf_fail(reader, node, "element VmExternalDataContent is missing");
		if (seen[i])
			return ovf_fail(reader, node, "%s data are given twice", kinds[i]);
		seen[i] = true;
		reader->has_external_data = true;
		ovf_add_text(reader, reader->external_data, kinds[i], ovf_text(reader, content));
	}
	return !reader->failed;
}
