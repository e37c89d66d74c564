/*
 * fuzz_arguments.c
 *		The input is what another machine has a confined copier do: its arguments, each with a NUL behind it.
 *
 * The first byte says for which subcommand.  What is taken must be what its option allows, and whatever path is opened lies
 * below the only directory that this machine names; in it are links that lead out, and a tree of the same names lies beside it.
 */
#include "copy/base/rootpath.c"
#include "copy/volume/volume.c"

#include <stdint.h>
#include <sys/mman.h>

#include "copy/command/options.h"
#include "fuzz_chain.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define MAX_WORDS  64
#define MARK       1 /* this byte stands for the directory's path */
#define OPTION_SET 4 /* of enum option_set; then the subcommands of volume */

static char host[320];

static const char *const made[] = {"host", "host/domain", "host/domain/dom_md", "out",
								   "out/domain"};
static const char *const files_made[] = {"host/image", "host/domain/file", "out/image",
										 "out/domain/file"};
static const char *const links[][2] = {{"host/up", ".."},
									   {"host/etc", "/etc"},
									   {"host/domain/link", "../../out/image"},
									   {"host/same", "domain"}};

static const char *
place(const char *name)
{
	return fuzz_path(name);
}

static void
remove_host(void)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		unlink(place(links[i][0]));
	for (size_t i = 0; i < sizeof(files_made) / sizeof(files_made[0]); i++)
		unlink(place(files_made[i]));
	for (size_t i = sizeof(made) / sizeof(made[0]); i-- > 0;)
		rmdir(place(made[i]));
}

static void
make_host(void)
{
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (mkdir(place(made[i]), 0700) != 0)
			abort();
	for (size_t i = 0; i < sizeof(files_made) / sizeof(files_made[0]); i++)
	{
		int fd = open(place(files_made[i]), O_WRONLY | O_CREAT, 0600);

		if (fd < 0)
			abort();
		close(fd);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][1], place(links[i][0])) != 0)
			abort();
	snprintf(host, sizeof(host), "%s", place("host"));
	atexit(remove_host);
	if (root_confine(host) != 0 || volume_group_confine("vg") != 0)
		abort();
	volume_confine("/usr/bin/false", host, false);
}

/* The descriptor, if it is one, is of something below the directory, or of it. */
static void
check_place(int fd)
{
	char link[64];
	char real[PATH_MAX];
	ssize_t length;

	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, real, sizeof(real) - 1);
	if (length < 0)
		abort();
	real[length] = '\0';
	if (strncmp(real, host, strlen(host)) != 0 ||
		(real[strlen(host)] != '/' && real[strlen(host)] != '\0'))
	{
		fprintf(stderr, "\"%s\" was opened\n", real);
		abort();
	}
}

/* Opens a path in every way in which subcommands do. */
static void
open_all_ways(const char *path)
{
	const char *name;
	int fds[4];

	fds[0] = root_open(path, O_PATH, 0);
	fds[1] = root_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	fds[2] = root_open_directory(path, O_PATH);
	fds[3] = root_open_directory_of(path, &name);
	for (int i = 0; i < 4; i++)
	{
		check_place(fds[i]);
		if (i == 3 && fds[i] >= 0)
		{
			int fd = open_in_directory(fds[i], name, O_RDONLY | O_NONBLOCK, 0);

			check_place(fd);
			if (fd >= 0)
				close(fd);
		}
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void
forget_roots(void)
{
	for (int i = 0; i < given.count; i++)
	{
		check_place(given.roots[i]->fd);
		close(given.roots[i]->fd);
		free(given.roots[i]);
	}
	given.count = 0;
}

static void
check_image_options(int argc, char **argv, enum option_set set)
{
	static struct options options;

	if (options_parse(&options, set, argc, argv) != 0)
	{
		if (!report_is_set())
			abort();
		return;
	}
	if (options.layer_count > COPIER_MAX_LAYERS || options.threads > COPIER_MAX_THREADS ||
		(options.has_size && options.size % 512 != 0) || options.cluster_bits < 9 ||
		options.cluster_bits > 21 || (options.version != 2 && options.version != 3) ||
		(options.since_claim != 0 && options.claim == 0) ||
		(set == OPTIONS_COPY && options.output_path == NULL) ||
		(options.layer_count == 0 && (set != OPTIONS_COPY || !options.has_size)) ||
		(set != OPTIONS_COPY && options.resume_path != NULL))
		abort();
	for (int i = 0; i < options.layer_count; i++)
	{
		if (options.layers[i].path[0] == '\0' || (i == 0 && options.layers[i].backing_name != NULL))
			abort();
		open_all_ways(options.layers[i].path);
	}
	if (options.output_path != NULL)
		open_all_ways(options.output_path);
	if (options.resume_path != NULL)
		open_all_ways(options.resume_path);
}

/* Nothing, or a text of these characters only. */
static bool
is_of(const char *text, const char *characters, size_t limit)
{
	return text == NULL || (text[strspn(text, characters)] == '\0' && strlen(text) <= limit);
}

static bool
is_id(const char *text)
{
	return text == NULL || volume_group_is_image_name(text);
}

static void
check_volume_options(int argc, char **argv, const Subcommand *subcommand)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	char token[sizeof(letters) + 16];
	VolumeOptions options = {.mode = COPIER_DEFAULT_OWNERMODE,
							 .description = "",
							 .root = DEVICE_DIRECTORY,
							 .sequence = 1,
							 .timeout = DEFAULT_TIMEOUT};

	snprintf(token, sizeof(token), "%s+/=_.:-", letters);
	if (!parse_arguments(subcommand, argc, argv, &options))
	{
		if (!report_is_set())
			abort();
		free(options.lvs);
		return;
	}
	if (!is_id(options.domain) || !is_id(options.disk) || !is_id(options.image) ||
		!is_of(options.token, token, 128) || strpbrk(options.description, "\r\n") != NULL ||
		strlen(options.description) > 210 || options.size > INT64_MAX ||
		options.capacity > INT64_MAX || options.mode > 0777 || options.domain_format > 5 ||
		(options.name != NULL && (options.name[0] == '.' || options.name[0] == '\0' ||
								  strlen(options.name) > 200 || strchr(options.name, '/') != NULL)))
		abort();
	/* the host's own words, whatever was said */
	if (subcommand->run == volume_provision &&
		(strcmp(options.command, "/usr/bin/false") != 0 || strcmp(options.state, host) != 0 ||
		 strcmp(options.vg, "vg") != 0 || options.allow_loop || options.request != NULL ||
		 strcmp(options.root, "/dev") != 0))
		abort();
	for (int i = 0; i < options.lv_count; i++)
		if (!is_id(options.lvs[i]))
			abort();
	if (options.root != NULL)
	{
		int fd = volume_open_root(options.root);

		check_place(fd);
		if (fd >= 0)
			close(fd);
	}
	if (options.path != NULL)
		open_all_ways(options.path);
	free(options.lvs);
}

/* The arguments, with the directory's path in place of the mark. */
static char *
spell(const uint8_t *input, size_t size, size_t *length)
{
	char *bytes = malloc(size * sizeof(host) + 1);

	*length = 0;
	for (size_t i = 0; i < size; i++)
		if (input[i] == MARK)
		{
			memcpy(bytes + *length, host, strlen(host));
			*length += strlen(host);
		}
		else
			bytes[(*length)++] = (char) input[i];
	bytes[*length] = '\0';
	return bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *argv[MAX_WORDS + 1];
	static char subcommand[] = "subcommand";
	int argc = 1;
	size_t length;
	char *bytes;
	unsigned which;

	if (size == 0 || size > 4096)
		return 0;
	if (host[0] == '\0')
		make_host();
	bytes = spell(input + 1, size - 1, &length);
	argv[0] = subcommand;
	for (size_t at = 0; at < length && argc < MAX_WORDS; at += strlen(bytes + at) + 1)
		argv[argc++] = bytes + at;
	argv[argc] = NULL;
	which = input[0] % (OPTION_SET + SUBCOMMAND_COUNT);
	report_reset();
	if (which < OPTION_SET)
		check_image_options(argc, argv, (enum option_set) which);
	else
		check_volume_options(argc, argv, &subcommands[which - OPTION_SET]);
	forget_roots();
	free(bytes);
	return 0;
}
