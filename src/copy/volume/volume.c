/*
 * volume.c
 *		vmclone-copy volume: options, and which subcommand takes which of them.
 */
#include "copy/volume/volume.h"

#include "copy/base/arguments.h"
#include "copy/base/control.h"
#include "copy/base/lease.h"
#include "copy/base/rootpath.h"
#include "copy/base/volume_group.h"
#include "copy/volume/volume_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT       ((uint64_t) INT64_MAX)
#define DEFAULT_TIMEOUT  120 /* seconds for the provisioning program */
#define DEVICE_DIRECTORY "/dev"

typedef struct Subcommand
{
	const char *name;
	bool (*run)(const VolumeOptions *options, struct json *answer);
} Subcommand;

enum
{
	ATTACH,
	CHECK,
	DETACH,
	SPACE,
	CREATE,
	COMMIT,
	REMOVE,
	STAT,
	LIST,
	CHAIN,
	PROVISION,
	SELF,
	SUBCOMMAND_COUNT
};

static const Subcommand subcommands[SUBCOMMAND_COUNT] = {
	[ATTACH] = {COPIER_VOLUME_ATTACH, volume_attach},
	[CHECK] = {COPIER_VOLUME_CHECK, volume_check},
	[DETACH] = {COPIER_VOLUME_DETACH, volume_detach},
	[SPACE] = {COPIER_VOLUME_SPACE, volume_space},
	[CREATE] = {COPIER_VOLUME_CREATE, volume_create},
	[COMMIT] = {COPIER_VOLUME_COMMIT, volume_commit},
	[REMOVE] = {COPIER_VOLUME_REMOVE, volume_remove},
	[STAT] = {COPIER_VOLUME_STAT, volume_stat},
	[LIST] = {COPIER_VOLUME_LIST, volume_list},
	[CHAIN] = {COPIER_VOLUME_CHAIN, volume_chain},
	[PROVISION] = {COPIER_VOLUME_PROVISION, volume_provision},
	[SELF] = {COPIER_VOLUME_SELF, volume_self},
};

#define SET(subcommand) (1u << (subcommand))
#define ON_VOLUME       (SET(CREATE) | SET(COMMIT) | SET(REMOVE) | SET(STAT))
#define ON_DOMAIN       (SET(CHECK) | SET(DETACH) | SET(SPACE) | SET(LIST) | ON_VOLUME)
#define BY_PATH         (SET(ATTACH) | SET(CHAIN))

static const struct argument arguments[] = {
	{COPIER_OPTION_PATH, true, true, BY_PATH | SET(SELF), BY_PATH},
	{COPIER_OPTION_ROOTS, true, true, BY_PATH, 0},
	{COPIER_OPTION_ROOT, true, true, ON_DOMAIN | SET(PROVISION), ON_DOMAIN},
	{COPIER_OPTION_STORAGE_DOMAIN, true, true, SET(ATTACH) | SET(CHECK) | SET(LIST),
	 SET(ATTACH) | SET(CHECK) | SET(LIST)},
	{COPIER_OPTION_TOKEN, true, true,
	 SET(ATTACH) | SET(CHECK) | SET(DETACH) | SET(LIST) | SET(PROVISION),
	 SET(ATTACH) | SET(CHECK) | SET(DETACH) | SET(LIST)},
	{COPIER_OPTION_OWNER, true, true, SET(ATTACH) | SET(CHECK), 0},
	{"mode", true, true, SET(ATTACH), 0},
	{COPIER_OPTION_PROBE, false, true, SET(CHECK), 0},
	{COPIER_OPTION_TAKE_OVER, false, true, SET(ATTACH) | SET(PROVISION), 0},
	{COPIER_OPTION_DOMAIN, true, true, SET(CREATE) | SET(PROVISION), SET(CREATE)},
	{COPIER_OPTION_DISK, true, true, ON_VOLUME | SET(PROVISION), ON_VOLUME},
	{COPIER_OPTION_IMAGE, true, true, ON_VOLUME | SET(PROVISION), ON_VOLUME},
	{COPIER_OPTION_SIZE, true, true, SET(CREATE) | SET(COMMIT) | SET(PROVISION), SET(CREATE)},
	{COPIER_OPTION_CAPACITY, true, true, SET(PROVISION), 0},
	{COPIER_OPTION_FORMAT, true, true, SET(CREATE) | SET(PROVISION) | SET(CHAIN), SET(CREATE)},
	{COPIER_OPTION_TYPE, true, true, SET(CREATE) | SET(PROVISION), SET(CREATE)},
	{COPIER_OPTION_VOLTYPE, true, true, SET(CREATE) | SET(PROVISION), SET(CREATE)},
	{COPIER_OPTION_DOMAIN_FORMAT, true, true, SET(CREATE) | SET(PROVISION), SET(CREATE)},
	{COPIER_OPTION_DISK_TYPE, true, true, SET(CREATE) | SET(PROVISION), SET(CREATE)},
	{COPIER_OPTION_DESCRIPTION, true, true, SET(CREATE) | SET(PROVISION), 0},
	{COPIER_OPTION_DIRECTORY, false, true, SET(ATTACH) | SET(LIST), 0},
	{COPIER_OPTION_NAME, true, true, SET(CREATE) | SET(COMMIT) | SET(REMOVE), 0},
	{COPIER_OPTION_FILE, true, true, SET(CHAIN), SET(CHAIN)},
	{"owner-mode", true, true, SET(CREATE) | SET(COMMIT), 0},
	{"sequence", true, true, SET(CREATE) | SET(PROVISION), 0},
	{COPIER_OPTION_WIPE, false, true, SET(PROVISION), 0},
	{COPIER_OPTION_DISCARD, false, true, SET(PROVISION), 0},
	{COPIER_OPTION_COMMAND, true, true, SET(PROVISION), 0},
	{COPIER_OPTION_VG, true, true, SET(PROVISION), SET(PROVISION)},
	{COPIER_OPTION_VG_UUID, true, true, SET(PROVISION), 0},
	{COPIER_OPTION_LV, true, false, SET(PROVISION), 0},
	{"request", true, true, SET(PROVISION), 0},
	{COPIER_OPTION_STATE, true, true, SET(PROVISION), 0},
	{COPIER_OPTION_TIMEOUT, true, true, SET(PROVISION), 0},
	{"allow-loop", false, true, SET(PROVISION), 0},
	{NULL, false, false, 0, 0},
};

static const char *const help =
	"Usage: vmclone-copy volume SUBCOMMAND OPTIONS\n"
	"\n"
	"Does one step on storage, synced and repeatable, and prints one JSON object.\n"
	"\n"
	"Storage domains\n"
	"  attach --path DIR --roots DIR[:DIR...] --storage-domain UUID --token TOKEN\n"
	"         [--owner UID:GID] [--mode 0660] [--take-over] [--directory]\n"
	"         --directory: a folder of images under their users' names; the domain is its\n"
	"         subfolder .vmclone\n"
	"  check  --root DIR --storage-domain UUID --token TOKEN [--probe [--owner UID:GID]]\n"
	"  detach --root DIR --token TOKEN\n"
	"  space  --root DIR\n"
	"  list   --root DIR --storage-domain UUID --token TOKEN [--directory]\n"
	"         a line for each file below DIR/images before the answer; --directory: and for\n"
	"         those in the folder of images that DIR is the subfolder .vmclone of\n"
	"  chain  --path DIR --roots DIR[:DIR...] --file NAME [--format raw|qcow2]\n"
	"         a line for each layer of the image, as its headers name them, the image first;\n"
	"         nothing outside of the directory is opened\n"
	"  self   [--path DIR]\n"
	"         version, whether the sandbox closes here, and whether DIR can be entered\n"
	"Volumes of file domains: DIR/images/DISK/IMAGE with .meta and .lease\n"
	"  create --root DIR --domain UUID --disk UUID --image UUID --size BYTES\n"
	"         --format RAW|COW --type SPARSE|PREALLOCATED --voltype LEAF|SHARED\n"
	"         --domain-format 0..5 --disk-type DATA [--description TEXT]\n"
	"         [--owner-mode 0660] [--sequence N] [--name NAME]\n"
	"  commit --root DIR --disk UUID --image UUID [--size BYTES] [--owner-mode 0660]\n"
	"         [--name NAME]\n"
	"         makes IMAGE.part, written by vmclone-copy copy, the volume's image;\n"
	"         --size is the length the file must have; --name moves it to DIR/../NAME\n"
	"  remove --root DIR --disk UUID --image UUID [--name NAME]\n"
	"  stat   --root DIR --disk UUID --image UUID\n"
	"Devices of block domains\n"
	"  provision attach|detach|space|list|create|activate|deactivate|commit|remove\n"
	"         --command PROGRAM --vg NAME [--vg-uuid UUID] [--root /dev]\n"
	"         [--timeout SECONDS] [--state DIR] [--allow-loop] and either --request JSON\n"
	"         [--lv NAME ...] [--size BYTES] or --token TOKEN and, for\n"
	"           attach              [--take-over]\n"
	"           activate|deactivate --lv NAME ...\n"
	"           create|commit       --disk UUID --image UUID --domain UUID\n"
	"                               --capacity BYTES --format RAW|COW\n"
	"                               --type SPARSE|PREALLOCATED --voltype LEAF|SHARED\n"
	"                               --domain-format 0..5 --disk-type DATA\n"
	"                               [--description TEXT] [--size BYTES of the device]\n"
	"           remove              --disk UUID --image UUID --domain-format 0..5\n"
	"                               [--wipe] [--discard]\n"
	"         runs PROGRAM ACTION with the request on its stdin, passes its answer on,\n"
	"         and checks the devices that it must have made or removed\n"
	"\n"
	"Exit status: 0 done, 1 storage failed, 2 usage, 3 refused.\n";

static bool
bad_value(const char *option, const char *value, const char *expected)
{
	return volume_fail(COPIER_USAGE, 0, NULL, "See vmclone-copy volume --help.",
					   "--%s must be %s, not \"%s\"", option, expected, value);
}

static bool
parse_number(const char *option, const char *value, int base, uint64_t limit, uint64_t *number)
{
	if (!arguments_number(value, base, number) || *number > limit)
		return bad_value(option, value, base == 8 ? "an octal file mode" : "a number in range");
	return true;
}

/* A uuid in its usual form; changed to lower case in place, as it becomes a file name. */
static bool
parse_uuid(const char *option, char *value, const char **uuid)
{
	if (strlen(value) != 36)
		return bad_value(option, value, "a UUID");
	for (int i = 0; i < 36; i++)
	{
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? value[i] != '-' : !isxdigit((unsigned char) value[i]))
			return bad_value(option, value, "a UUID");
		value[i] = (char) tolower((unsigned char) value[i]);
	}
	*uuid = value;
	return true;
}

static bool
parse_word(const char *option, const char *value, const char *const *words, const char *expected,
		   const char **word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(value, words[i]) == 0)
		{
			*word = words[i];
			return true;
		}
	return bad_value(option, value, expected);
}

static bool
parse_owner(char *value, VolumeOptions *options)
{
	char *colon = strchr(value, ':');
	uint64_t uid;
	uint64_t gid;

	if (colon == NULL)
		return bad_value(COPIER_OPTION_OWNER, value, "UID:GID");
	*colon = '\0';
	if (!parse_number(COPIER_OPTION_OWNER, value, 10, UINT32_MAX - 1, &uid) ||
		!parse_number(COPIER_OPTION_OWNER, colon + 1, 10, UINT32_MAX - 1, &gid))
		return false;
	options->owner_uid = (uid_t) uid;
	options->owner_gid = (gid_t) gid;
	options->has_owner = true;
	return true;
}

static bool
parse_lv(const char *value, VolumeOptions *options)
{
	if (!volume_group_is_name(value))
		return bad_value(COPIER_OPTION_LV, value, "a logical volume's name");
	if (options->lv_count == COPIER_MAX_LAYERS)
		return volume_fail(COPIER_USAGE, 0, NULL, NULL, "at most %d logical volumes can be given",
						   COPIER_MAX_LAYERS);
	if (options->lvs == NULL)
		options->lvs = malloc(COPIER_MAX_LAYERS * sizeof(*options->lvs));
	if (options->lvs == NULL)
		return volume_fail(COPIER_IO, ENOMEM, NULL, NULL, "out of memory");
	options->lvs[options->lv_count++] = value;
	return true;
}

/* Of a file in a directory domain: one component, and no hidden one. */
static bool
parse_name(const char *value, VolumeOptions *options)
{
	size_t length = strlen(value);

	for (const char *at = value; *at != '\0'; at++)
		if (*at == '/' || *at < 0x20 || *at > 0x7e)
			length = 0;
	if (length == 0 || length > COPIER_MAX_NAME || value[0] == '.')
		return bad_value(COPIER_OPTION_NAME, value,
						 "a file name of at most 200 printable ASCII characters");
	options->name = value;
	return true;
}

/* chain takes the words of --layer, the other subcommands VDSM's. */
static bool
parse_format(const char *value, VolumeOptions *options)
{
	static const char *const formats[] = {COPIER_WORD_RAW, COPIER_WORD_COW, NULL};
	static const char *const layer_formats[] = {COPIER_FORMAT_RAW, COPIER_FORMAT_QCOW2, NULL};

	return options->is_layer
			   ? parse_word(COPIER_OPTION_FORMAT, value, layer_formats, "raw or qcow2",
							&options->format)
			   : parse_word(COPIER_OPTION_FORMAT, value, formats, "RAW or COW", &options->format);
}

static bool
parse_option(const char *option, char *value, VolumeOptions *options)
{
	static const char *const types[] = {COPIER_WORD_SPARSE, COPIER_WORD_PREALLOCATED, NULL};
	static const char *const voltypes[] = {COPIER_WORD_LEAF, COPIER_WORD_SHARED, NULL};
	static const char *const disk_types[] = {COPIER_WORD_DATA, NULL};
	uint64_t number;

	if (strcmp(option, COPIER_OPTION_TAKE_OVER) == 0)
		options->take_over = true;
	else if (strcmp(option, "allow-loop") == 0)
		options->allow_loop = true;
	else if (strcmp(option, COPIER_OPTION_PATH) == 0)
		options->path = value;
	else if (strcmp(option, COPIER_OPTION_ROOTS) == 0)
		options->roots = value;
	else if (strcmp(option, COPIER_OPTION_ROOT) == 0)
		options->root = value;
	else if (strcmp(option, COPIER_OPTION_COMMAND) == 0)
		options->command = value;
	else if (strcmp(option, COPIER_OPTION_VG) == 0)
		options->vg = value;
	else if (strcmp(option, "request") == 0)
		options->request = value;
	else if (strcmp(option, COPIER_OPTION_VG_UUID) == 0)
		options->vg_uuid = value;
	else if (strcmp(option, COPIER_OPTION_STATE) == 0)
		options->state = value;
	else if (strcmp(option, COPIER_OPTION_WIPE) == 0)
		options->wipe = true;
	else if (strcmp(option, COPIER_OPTION_DISCARD) == 0)
		options->discard = true;
	else if (strcmp(option, COPIER_OPTION_DIRECTORY) == 0)
		options->directory = true;
	else if (strcmp(option, COPIER_OPTION_FILE) == 0)
		options->file = value;
	else if (strcmp(option, COPIER_OPTION_NAME) == 0)
		return parse_name(value, options);
	else if (strcmp(option, COPIER_OPTION_LV) == 0)
		return parse_lv(value, options);
	else if (strcmp(option, COPIER_OPTION_STORAGE_DOMAIN) == 0 ||
			 strcmp(option, COPIER_OPTION_DOMAIN) == 0)
		return parse_uuid(option, value, &options->domain);
	else if (strcmp(option, COPIER_OPTION_DISK) == 0)
		return parse_uuid(option, value, &options->disk);
	else if (strcmp(option, COPIER_OPTION_IMAGE) == 0)
		return parse_uuid(option, value, &options->image);
	else if (strcmp(option, COPIER_OPTION_TOKEN) == 0)
	{
		size_t length =
			strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_.:-");

		if (length == 0 || length > COPIER_MAX_TOKEN || value[length] != '\0')
			return bad_value(option, value, "1 to 128 letters, digits and +/=_.:-");
		options->token = value;
	}
	else if (strcmp(option, COPIER_OPTION_FORMAT) == 0)
		return parse_format(value, options);
	else if (strcmp(option, COPIER_OPTION_TYPE) == 0)
		return parse_word(option, value, types, "SPARSE or PREALLOCATED", &options->type);
	else if (strcmp(option, COPIER_OPTION_VOLTYPE) == 0)
		return parse_word(option, value, voltypes, "LEAF or SHARED", &options->voltype);
	else if (strcmp(option, COPIER_OPTION_DISK_TYPE) == 0)
		return parse_word(option, value, disk_types, "DATA", &options->disk_type);
	else if (strcmp(option, COPIER_OPTION_DESCRIPTION) == 0)
	{
		if (strlen(value) > COPIER_MAX_DESCRIPTION || strpbrk(value, "\r\n") != NULL)
			return bad_value(option, value, "one line of at most 210 bytes");
		options->description = value;
	}
	else if (strcmp(option, COPIER_OPTION_SIZE) == 0)
	{
		options->has_size = true;
		return parse_number(option, value, 10, SIZE_LIMIT, &options->size);
	}
	else if (strcmp(option, COPIER_OPTION_PROBE) == 0)
		options->probe = true;
	else if (strcmp(option, COPIER_OPTION_CAPACITY) == 0)
		return parse_number(option, value, 10, SIZE_LIMIT, &options->capacity);
	else if (strcmp(option, "sequence") == 0)
		return parse_number(option, value, 10, SIZE_LIMIT, &options->sequence);
	else if (strcmp(option, COPIER_OPTION_TIMEOUT) == 0)
		return parse_number(option, value, 10, 86400, &options->timeout);
	else if (strcmp(option, COPIER_OPTION_DOMAIN_FORMAT) == 0)
	{
		if (!parse_number(option, value, 10, 5, &number))
			return false;
		options->domain_format = (int) number;
	}
	else if (strcmp(option, "mode") == 0 || strcmp(option, "owner-mode") == 0)
	{
		if (!parse_number(option, value, 8, 0777, &number))
			return false;
		options->mode = (mode_t) number;
	}
	else if (strcmp(option, COPIER_OPTION_OWNER) == 0)
		return parse_owner(value, options);
	return true;
}

static bool
is_provision_action(const char *word)
{
	static const char *const actions[] = {
		COPIER_PROVISION_ATTACH,     COPIER_PROVISION_DETACH, COPIER_PROVISION_SPACE,
		COPIER_PROVISION_LIST,       COPIER_PROVISION_CREATE, COPIER_PROVISION_ACTIVATE,
		COPIER_PROVISION_DEACTIVATE, COPIER_PROVISION_COMMIT, COPIER_PROVISION_REMOVE};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(word, actions[i]) == 0)
			return true;
	return false;
}

/* These three name the volumes whose devices are looked at. */
static bool
action_needs_volumes(const char *action)
{
	return strcmp(action, COPIER_PROVISION_CREATE) == 0 ||
		   strcmp(action, COPIER_PROVISION_ACTIVATE) == 0 ||
		   strcmp(action, COPIER_PROVISION_REMOVE) == 0;
}

static bool
provision_needs(const VolumeOptions *options, bool given, const char *what)
{
	return given || volume_fail(COPIER_USAGE, 0, NULL, "See vmclone-copy volume --help.",
								"volume provision %s needs %s", options->action, what);
}

/* What the request is made of; --disk and --image name the volume. */
static bool
check_members(VolumeOptions *options)
{
	bool describes = strcmp(options->action, COPIER_PROVISION_CREATE) == 0 ||
					 strcmp(options->action, COPIER_PROVISION_COMMIT) == 0;

	if (!provision_needs(options, options->token != NULL, "--token or --request"))
		return false;
	if (describes || strcmp(options->action, COPIER_PROVISION_REMOVE) == 0)
		if (!provision_needs(options, options->disk && options->image, "--disk and --image") ||
			(options->lv_count == 0 && !parse_lv(options->image, options)))
			return false;
	return !describes ||
		   provision_needs(options,
						   options->domain && options->capacity && options->format &&
							   options->type && options->voltype && options->disk_type,
						   "--domain, --capacity, --format, --type, --voltype and --disk-type");
}

/* This machine's own words, where another one asks. */
static struct
{
	const char *program;
	const char *state;
	bool allow_loop;
} own;

void
volume_confine(const char *program, const char *state, bool allow_loop)
{
	own.program = program;
	own.state = state;
	own.allow_loop = allow_loop;
}

/* Other volumes of a group are nobody's images, as VDSM's areas are. */
static bool
check_asked_names(const VolumeOptions *options)
{
	for (int i = 0; i < options->lv_count; i++)
		if (!volume_group_is_image_name(options->lvs[i]))
			return bad_value(COPIER_OPTION_LV, options->lvs[i], "the uuid of an image");
	return true;
}

/* Which program is run, on which groups, and where it finds devices is the word of the machine that has them. */
static bool
take_own_words(VolumeOptions *options)
{
	if (options->command != NULL || options->request != NULL || options->state != NULL ||
		options->allow_loop || strcmp(options->root, DEVICE_DIRECTORY) != 0)
		return volume_fail(COPIER_USAGE, 0, NULL, NULL,
						   "a host's volume provision takes no --" COPIER_OPTION_COMMAND
						   ", --" COPIER_OPTION_STATE ", --" COPIER_OPTION_ROOT
						   " or --request: they are its own");
	if (own.program == NULL)
		return volume_fail(COPIER_NOT_ATTACHED, 0, NULL,
						   "Add \"--provision PROGRAM\" to its vmclone-copy serve "
						   "(docs/hosts.md).",
						   "this host has no provisioning program");
	if (options->vg == NULL || !volume_group_is_allowed(options->vg))
		return volume_fail(COPIER_OUTSIDE_ROOT, 0, options->vg, NULL,
						   "volume group is not one of this host's");
	options->is_asked = true;
	options->command = own.program;
	options->state = own.state;
	options->allow_loop = own.allow_loop;
	return check_asked_names(options);
}

static bool
check_provision(VolumeOptions *options)
{
	if (root_is_confined() && !take_own_words(options))
		return false;
	if (!provision_needs(options, options->command != NULL, "--" COPIER_OPTION_COMMAND))
		return false;
	if (options->request == NULL && !check_members(options))
		return false;
	if (strcmp(options->action, COPIER_PROVISION_CREATE) == 0 &&
		!provision_needs(options, options->has_size && options->size > 0, "--size"))
		return false;
	return !action_needs_volumes(options->action) ||
		   provision_needs(options, options->lv_count > 0, "--lv");
}

static int
take_option(void *context, const char *name, char *value)
{
	return parse_option(name, value, context) ? 0 : -1;
}

/* What the options mean together. */
static bool
check_options(const Subcommand *subcommand, VolumeOptions *options)
{
	if ((subcommand->run == volume_attach || subcommand->run == volume_chain) &&
		options->roots == NULL && !root_is_confined())
		return volume_fail(COPIER_USAGE, 0, NULL, "See vmclone-copy volume --help.",
						   "\"" COPIER_VOLUME " %s\" needs --" COPIER_OPTION_ROOTS,
						   subcommand->name);
	if (subcommand->run == volume_create && options->size % COPIER_VOLUME_SIZE_UNIT != 0)
		return volume_fail(COPIER_USAGE, 0, NULL, "Round the size up to a multiple of 4096 bytes.",
						   "--size must be a multiple of %d bytes", COPIER_VOLUME_SIZE_UNIT);
	return subcommand->run != volume_provision || check_provision(options);
}

/* argv[0] is the subcommand's name; of provision argv[1] is what to do. */
static bool
parse_arguments(const Subcommand *subcommand, int argc, char **argv, VolumeOptions *options)
{
	char command[40];

	options->is_layer = subcommand->run == volume_chain;
	snprintf(command, sizeof(command), COPIER_VOLUME " %s", subcommand->name);
	if (subcommand->run == volume_provision)
	{
		if (argc < 2 || !is_provision_action(argv[1]))
			return volume_fail(COPIER_USAGE, 0, NULL, "See vmclone-copy volume --help.",
							   "volume provision needs an action, as create or remove");
		options->action = argv[1];
		argc--;
		argv++;
	}
	return arguments_parse(arguments, SET(subcommand - subcommands), command, argc, argv,
						   take_option, options) == 0 &&
		   check_options(subcommand, options);
}

int
volume_main(int argc, char **argv)
{
	bool committed;
	int status = volume_run(argc, argv, &committed);

	control_finish();
	return status;
}

int
volume_run(int argc, char **argv, bool *committed)
{
	VolumeOptions options = {.mode = COPIER_DEFAULT_OWNERMODE,
							 .description = "",
							 .root = DEVICE_DIRECTORY,
							 .sequence = 1,
							 .timeout = DEFAULT_TIMEOUT,
							 .committed = committed};
	struct json answer = {0};
	const Subcommand *subcommand = NULL;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
	{
		fputs(help, stdout);
		return fflush(stdout) == 0 ? COPIER_EXIT_DONE : COPIER_EXIT_IO;
	}
	for (size_t i = 0; argc > 1 && i < SUBCOMMAND_COUNT; i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			subcommand = &subcommands[i];
	json_open(&answer, NULL, '{');
	json_bool(&answer, COPIER_FIELD_OK, true);
	if (subcommand == NULL)
		volume_fail(COPIER_USAGE, 0, NULL, "See vmclone-copy volume --help.",
					"volume needs a subcommand: attach, check, detach, space, create, commit, "
					"remove, stat, list, chain, provision or self");
	else if (parse_arguments(subcommand, argc - 1, argv + 1, &options) && control_start_step() == 0)
		(void) subcommand->run(&options, &answer);
	free(options.lvs);
	return volume_print_answer(&answer);
}
