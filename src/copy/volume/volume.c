/*
 * volume.c
 *		vmclone-copy volume: options, and which subcommand takes which of them.
 */
#include "copy/volume/volume.h"

#include "copy/volume/volume_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_LIMIT     128
#define SIZE_LIMIT      ((uint64_t) INT64_MAX)
#define DEFAULT_TIMEOUT 120 /* seconds for the provisioning program */
#define ARGUMENT_LIMIT  64

typedef struct Subcommand
{
	const char *name;
	bool (*run)(const VolumeOptions *options, VolumeAnswer *answer);
	const char *required; /* options, each between blanks */
	const char *optional;
} Subcommand;

static const Subcommand subcommands[] = {
	{"attach", volume_attach, " path roots storage-domain token ", " owner mode take-over "},
	{"check", volume_check, " root storage-domain token ", " "},
	{"detach", volume_detach, " root token ", " "},
	{"space", volume_space, " root ", " "},
	{"create", volume_create,
	 " root domain disk image size format type voltype domain-format disk-type ",
	 " description owner-mode sequence "},
	{"commit", volume_commit, " root disk image ", " size owner-mode "},
	{"remove", volume_remove, " root disk image ", " "},
	{"stat", volume_stat, " root disk image ", " "},
	{"provision", volume_provision, " command vg lv ", " root size timeout allow-loop "},
};
#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static const char *const help =
	"Usage: vmclone-copy volume SUBCOMMAND OPTIONS\n"
	"\n"
	"Does one step on storage, synced and repeatable, and prints one JSON object.\n"
	"\n"
	"Storage domains\n"
	"  attach --path DIR --roots DIR[:DIR...] --storage-domain UUID --token TOKEN\n"
	"         [--owner UID:GID] [--mode 0660] [--take-over]\n"
	"  check  --root DIR --storage-domain UUID --token TOKEN\n"
	"  detach --root DIR --token TOKEN\n"
	"  space  --root DIR\n"
	"Volumes of file domains: DIR/images/DISK/IMAGE with .meta and .lease\n"
	"  create --root DIR --domain UUID --disk UUID --image UUID --size BYTES\n"
	"         --format RAW|COW --type SPARSE|PREALLOCATED --voltype LEAF|SHARED\n"
	"         --domain-format 0..5 --disk-type DATA [--description TEXT]\n"
	"         [--owner-mode 0660] [--sequence N]\n"
	"  commit --root DIR --disk UUID --image UUID [--size BYTES] [--owner-mode 0660]\n"
	"         makes IMAGE.part, written by vmclone-copy copy, the volume's image;\n"
	"         --size is the length the file must have\n"
	"  remove --root DIR --disk UUID --image UUID\n"
	"  stat   --root DIR --disk UUID --image UUID\n"
	"Devices of block domains\n"
	"  provision create|commit|remove --command PROGRAM --vg NAME --lv NAME\n"
	"         [--size BYTES] [--root /dev] [--timeout SECONDS] [--allow-loop]\n"
	"         runs PROGRAM create|commit|remove VG LV BYTES and checks the device\n"
	"\n"
	"Exit status: 0 done, 1 storage failed, 2 usage, 3 refused.\n";

static bool
bad_value(const char *option, const char *value, const char *expected, VolumeAnswer *answer)
{
	return volume_fail(answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
					   "--%s must be %s, not \"%s\"", option, expected, value);
}

static bool
parse_number(const char *option, const char *value, int base, uint64_t limit, uint64_t *number,
			 VolumeAnswer *answer)
{
	char *end;

	errno = 0;
	*number = isdigit((unsigned char) value[0]) ? strtoull(value, &end, base) : 0;
	if (!isdigit((unsigned char) value[0]) || errno != 0 || *end != '\0' || *number > limit)
		return bad_value(option, value, base == 8 ? "an octal file mode" : "a number in range",
						 answer);
	return true;
}

/* A uuid in its usual form; changed to lower case in place, as it becomes a file name. */
static bool
parse_uuid(const char *option, char *value, const char **uuid, VolumeAnswer *answer)
{
	if (strlen(value) != 36)
		return bad_value(option, value, "a UUID", answer);
	for (int i = 0; i < 36; i++)
	{
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? value[i] != '-' : !isxdigit((unsigned char) value[i]))
			return bad_value(option, value, "a UUID", answer);
		value[i] = (char) tolower((unsigned char) value[i]);
	}
	*uuid = value;
	return true;
}

static bool
parse_word(const char *option, const char *value, const char *const *words, const char *expected,
		   const char **word, VolumeAnswer *answer)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(value, words[i]) == 0)
		{
			*word = words[i];
			return true;
		}
	return bad_value(option, value, expected, answer);
}

static bool
parse_owner(char *value, VolumeOptions *options, VolumeAnswer *answer)
{
	char *colon = strchr(value, ':');
	uint64_t uid;
	uint64_t gid;

	if (colon == NULL)
		return bad_value("owner", value, "UID:GID", answer);
	*colon = '\0';
	if (!parse_number("owner", value, 10, UINT32_MAX - 1, &uid, answer) ||
		!parse_number("owner", colon + 1, 10, UINT32_MAX - 1, &gid, answer))
		return false;
	options->owner_uid = (uid_t) uid;
	options->owner_gid = (gid_t) gid;
	options->has_owner = true;
	return true;
}

static bool
parse_option(const char *option, char *value, VolumeOptions *options, VolumeAnswer *answer)
{
	static const char *const formats[] = {"RAW", "COW", NULL};
	static const char *const types[] = {"SPARSE", "PREALLOCATED", NULL};
	static const char *const voltypes[] = {"LEAF", "SHARED", NULL};
	static const char *const disk_types[] = {"DATA", NULL};
	uint64_t number;

	if (strcmp(option, "path") == 0)
		options->path = value;
	else if (strcmp(option, "roots") == 0)
		options->roots = value;
	else if (strcmp(option, "root") == 0)
		options->root = value;
	else if (strcmp(option, "command") == 0)
		options->command = value;
	else if (strcmp(option, "vg") == 0)
		options->vg = value;
	else if (strcmp(option, "lv") == 0)
		options->lv = value;
	else if (strcmp(option, "storage-domain") == 0 || strcmp(option, "domain") == 0)
		return parse_uuid(option, value, &options->domain, answer);
	else if (strcmp(option, "disk") == 0)
		return parse_uuid(option, value, &options->disk, answer);
	else if (strcmp(option, "image") == 0)
		return parse_uuid(option, value, &options->image, answer);
	else if (strcmp(option, "token") == 0)
	{
		size_t length =
			strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_.:-");

		if (length == 0 || length > TOKEN_LIMIT || value[length] != '\0')
			return bad_value(option, value, "1 to 128 letters, digits and +/=_.:-", answer);
		options->token = value;
	}
	else if (strcmp(option, "format") == 0)
		return parse_word(option, value, formats, "RAW or COW", &options->format, answer);
	else if (strcmp(option, "type") == 0)
		return parse_word(option, value, types, "SPARSE or PREALLOCATED", &options->type, answer);
	else if (strcmp(option, "voltype") == 0)
		return parse_word(option, value, voltypes, "LEAF or SHARED", &options->voltype, answer);
	else if (strcmp(option, "disk-type") == 0)
		return parse_word(option, value, disk_types, "DATA", &options->disk_type, answer);
	else if (strcmp(option, "description") == 0)
	{
		if (strlen(value) > VOLUME_DESCRIPTION_LIMIT || strpbrk(value, "\r\n") != NULL)
			return bad_value(option, value, "one line of at most 210 bytes", answer);
		options->description = value;
	}
	else if (strcmp(option, "size") == 0)
	{
		options->has_size = true;
		return parse_number(option, value, 10, SIZE_LIMIT, &options->size, answer);
	}
	else if (strcmp(option, "sequence") == 0)
		return parse_number(option, value, 10, SIZE_LIMIT, &options->sequence, answer);
	else if (strcmp(option, "timeout") == 0)
		return parse_number(option, value, 10, 86400, &options->timeout, answer);
	else if (strcmp(option, "domain-format") == 0)
	{
		if (!parse_number(option, value, 10, 5, &number, answer))
			return false;
		options->domain_format = (int) number;
	}
	else if (strcmp(option, "mode") == 0 || strcmp(option, "owner-mode") == 0)
	{
		if (!parse_number(option, value, 8, 0777, &number, answer))
			return false;
		options->mode = (mode_t) number;
	}
	else if (strcmp(option, "owner") == 0)
		return parse_owner(value, options, answer);
	return true;
}

/* The option's name between blanks is in the list. */
static bool
listed(const char *list, const char *option)
{
	size_t length = strlen(option);

	for (const char *at = strstr(list, option); at != NULL; at = strstr(at + 1, option))
		if (at != list && at[-1] == ' ' && at[length] == ' ')
			return length > 0;
	return false;
}

static bool
is_provision_action(const char *word)
{
	return strcmp(word, "create") == 0 || strcmp(word, "commit") == 0 ||
		   strcmp(word, "remove") == 0;
}

static bool
parse_arguments(const Subcommand *subcommand, int argc, char **argv, VolumeOptions *options,
				VolumeAnswer *answer)
{
	const char *given[ARGUMENT_LIMIT];
	const char *need;
	int count = 0;

	for (int i = 0; i < argc; i++)
	{
		const char *option = argv[i] + 2;

		if (subcommand->run == volume_provision && options->action == NULL &&
			is_provision_action(argv[i]))
		{
			options->action = argv[i];
			continue;
		}
		if (strncmp(argv[i], "--", 2) != 0 ||
			(!listed(subcommand->required, option) && !listed(subcommand->optional, option)))
			return volume_fail(answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
							   "volume %s knows no option \"%s\"", subcommand->name, argv[i]);
		for (int j = 0; j < count; j++)
			if (strcmp(given[j], option) == 0)
				return volume_fail(answer, VOLUME_USAGE, 0, NULL, NULL, "--%s is given twice",
								   option);
		if (count == ARGUMENT_LIMIT)
			return volume_fail(answer, VOLUME_USAGE, 0, NULL, NULL, "too many options");
		given[count++] = option;
		if (strcmp(option, "take-over") == 0)
			options->take_over = true;
		else if (strcmp(option, "allow-loop") == 0)
			options->allow_loop = true;
		else if (++i == argc)
			return volume_fail(answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
							   "--%s needs a value", option);
		else if (!parse_option(option, argv[i], options, answer))
			return false;
	}
	for (need = subcommand->required + 1; *need != '\0'; need += strcspn(need, " ") + 1)
	{
		size_t length = strcspn(need, " ");
		bool found = false;

		for (int j = 0; j < count && !found; j++)
			found = strlen(given[j]) == length && strncmp(given[j], need, length) == 0;
		if (!found)
			return volume_fail(answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
							   "volume %s needs --%.*s", subcommand->name, (int) length, need);
	}
	if (subcommand->run == volume_provision && options->action == NULL)
		return volume_fail(answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
						   "volume provision needs an action: create, commit or remove");
	/* capacities are whole 4 KiB blocks (DESIGN §6) */
	if (subcommand->run == volume_create && options->size % 4096 != 0)
		return volume_fail(answer, VOLUME_USAGE, 0, NULL,
						   "Round the size up to a multiple of 4096 bytes.",
						   "--size must be a multiple of 4096 bytes");
	if (subcommand->run == volume_provision && strcmp(options->action, "create") == 0 &&
		(!options->has_size || options->size == 0))
		return volume_fail(answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
						   "volume provision create needs --size");
	return true;
}

int
volume_main(int argc, char **argv)
{
	VolumeOptions options = {
		.mode = 0660, .description = "", .root = "/dev", .sequence = 1, .timeout = DEFAULT_TIMEOUT};
	VolumeAnswer answer = {0};
	const Subcommand *subcommand = NULL;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
	{
		fputs(help, stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	for (size_t i = 0; argc > 1 && i < SUBCOMMAND_COUNT; i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			subcommand = &subcommands[i];
	if (subcommand == NULL)
	{
		volume_fail(
			&answer, VOLUME_USAGE, 0, NULL, "See vmclone-copy volume --help.",
			"volume needs a subcommand: attach, check, detach, space, create, commit, remove, stat or provision");
		return answer_print(&answer);
	}
	if (parse_arguments(subcommand, argc - 2, argv + 2, &options, &answer))
		(void) subcommand->run(&options, &answer);
	return answer_print(&answer);
}
