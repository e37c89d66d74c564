/*
 * fuzz_domain.c
 *		The input is a small file of a storage domain, which whoever writes to the storage can have written: by its first byte the
 *		domain's metadata or identity, or a volume's metadata or name.
 *
 * The second readers go over lines and patterns from the end of the file to its beginning.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/volume/volume_internal.h"
#include "fuzz_chain.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define DOMAIN "2f4b1c6e-0d3a-4a55-9d0c-6b1f7c2a8e01"
#define IMAGE  "7e51aa02-3c9b-4d0e-8b67-10c4f2d9e702"
#define TOKEN  "5b0c8f9e-a1d2-4e3f-9a7b-c0d1e2f3a403"

#define IDENTITY      "dom_md/vmclone-identity"
#define METADATA      "dom_md/metadata"
#define MAX_METADATA  65535 /* volume_domain.c, volume_lease.c */
#define MAX_IDENTITY  1023
#define MAX_NAME_FILE (COPIER_MAX_NAME + 63)

static char root[320];
static int rootfd = -1;

static void
write_file(const char *name, const void *bytes, size_t size)
{
	int fd = openat(rootfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t) size)
		abort();
	close(fd);
}

static void
write_right_identity(void)
{
	static const char text[] =
		"{\"storage_domain\":\"" DOMAIN "\",\"token\":\"" TOKEN "\",\"reflink\":true}";

	write_file(IDENTITY, text, sizeof(text) - 1);
}

static void
remove_domain(void)
{
	static const char *const names[] = {IDENTITY, METADATA, IMAGE ".meta", IMAGE ".name"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(rootfd, names[i], 0);
	unlinkat(rootfd, "dom_md", AT_REMOVEDIR);
	rmdir(root);
}

static void
make_domain(void)
{
	snprintf(root, sizeof(root), "%s", fuzz_path("domain"));
	if (mkdir(root, 0700) != 0 || (rootfd = open(root, O_RDONLY | O_DIRECTORY)) < 0 ||
		mkdirat(rootfd, "dom_md", 0700) != 0)
		abort();
	atexit(remove_domain);
	write_right_identity();
}

/* The last line that begins with this word, or the first one; its rest up to a character of "ends".  NULL: none. */
static char *
line_of(const char *text, const char *word, const char *ends)
{
	const char *found = NULL;

	for (const char *at = text + strlen(text); at >= text; at--)
		if ((at == text || at[-1] == '\n') && strncmp(at, word, strlen(word)) == 0)
			found = at + strlen(word);
	return found != NULL ? strndup(found, strcspn(found, ends)) : NULL;
}

/* ---------- the domain's metadata ---------- */

/* As strtoull() takes it. */
static uint64_t
number_of(const char *digits, uint64_t fallback)
{
	uint64_t number = 0;
	bool is_negative;

	if (digits == NULL)
		return fallback;
	digits += strspn(digits, " \t\n\v\f\r");
	is_negative = *digits == '-';
	digits += *digits == '-' || *digits == '+';
	for (; isdigit((unsigned char) *digits); digits++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t) (*digits - '0'), &number))
			return UINT64_MAX;
	return is_negative ? -number : number;
}

static void
check_metadata(const char *text, size_t size)
{
	/* a number's line may be empty: it begins on a later one then */
	char *block = line_of(text, "BLOCK_SIZE=", "");
	char *alignment = line_of(text, "ALIGNMENT=", "");
	char *owner = line_of(text, "SDUUID=", "\r\n");
	uint64_t sector = number_of(block, 512);
	uint64_t bytes = number_of(alignment, UINT64_C(1) << 20);
	bool fits = size <= MAX_METADATA;
	bool good = fits && ((sector == 512 && bytes == 1048576) ||
						 (sector == 4096 && (bytes == 1048576 || bytes == 2097152 ||
											 bytes == 4194304 || bytes == 8388608)));
	VolumeLeaseGeometry geometry;
	VolumeOptions options = {.root = root, .domain = DOMAIN, .token = TOKEN};
	struct json answer = {0};

	write_file(METADATA, text, size);
	report_reset();
	if (volume_lease_geometry(rootfd, &geometry) != good || report_is_set() == good ||
		(good && (geometry.sector_size != sector || geometry.alignment != bytes)))
		abort();
	report_reset();
	good = fits && (owner == NULL || strcasecmp(owner, DOMAIN) == 0);
	if (volume_check(&options, &answer) != good || report_is_set() == good)
		abort();
	json_free(&answer);
	free(block);
	free(alignment);
	free(owner);
}

/* ---------- the domain's identity ---------- */

/* The text behind "key":" up to the next quote.  NULL: there is none, or one that doesn't fit. */
static char *
text_of(const char *text, const char *pattern, size_t limit)
{
	const char *found = NULL;
	const char *end;

	for (const char *at = text + strlen(text); at >= text; at--)
		if (strncmp(at, pattern, strlen(pattern)) == 0)
			found = at + strlen(pattern);
	end = found != NULL ? strpbrk(found, "\"\\") : NULL;
	return end != NULL && *end == '"' && (size_t) (end - found) < limit
			   ? strndup(found, (size_t) (end - found))
			   : NULL;
}

static void
check_identity(const char *text, size_t size)
{
	char *domain = text_of(text, "\"storage_domain\":\"", 64);
	char *token = text_of(text, "\"token\":\"", 160);
	VolumeOptions options = {.root = root, .domain = DOMAIN, .token = TOKEN};
	bool good = size <= MAX_IDENTITY && domain != NULL && token != NULL &&
				strcmp(domain, DOMAIN) == 0 && strcmp(token, TOKEN) == 0;

	write_file(IDENTITY, text, size);
	report_reset();
	if (volume_require_identity(rootfd, &options) != good || report_is_set() == good)
		abort();
	write_right_identity();
	free(domain);
	free(token);
}

/* ---------- a volume's metadata ---------- */

/* Keys and values of the lines before the first "EOF", the last line first.  Their number, or -1. */
static int
split_meta(char *text, size_t size, char *keys[], char *values[])
{
	char *end = NULL;
	int count = 0;

	if (size > VOLUME_META_LIMIT || strlen(text) != size)
		return -1;
	for (char *at = text + size; at >= text; at--)
		if ((at == text || at[-1] == '\n') && strncmp(at, "EOF\n", 4) == 0)
			end = at;
	if (end == NULL)
		return -1;
	while (end > text)
	{
		char *line = end - 1;

		*line = '\0';
		while (line > text && line[-1] != '\n')
			line--;
		values[count] = strchr(line, '=');
		if (values[count] == NULL || values[count] == line || count == VOLUME_META_KEYS)
			return -1;
		*values[count]++ = '\0';
		for (int i = 0; i < count; i++)
			if (strcmp(keys[i], line) == 0)
				return -1;
		keys[count++] = line;
		end = line;
	}
	return count;
}

static bool
is_all_zero(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* The same keys and values but for these two. */
static void
compare_written(const VolumeMeta *meta, const char *written)
{
	VolumeMeta again;

	if (!volume_meta_parse(written, strlen(written), &again) || again.count != meta->count)
		abort();
	for (int i = 0; i < meta->count; i++)
	{
		const char *expected = strcmp(meta->keys[i], "LEGALITY") == 0 ? "LEGAL"
							   : strcmp(meta->keys[i], "GEN") == 0    ? "1"
																	  : meta->values[i];

		if (strcmp(again.keys[i], meta->keys[i]) != 0 || strcmp(again.values[i], expected) != 0)
			abort();
	}
}

static void
check_meta(const char *text, size_t size)
{
	char *keys[VOLUME_META_KEYS + 1];
	char *values[VOLUME_META_KEYS + 1];
	char written[VOLUME_META_LIMIT + 1];
	char *copy = strdup(text);
	int count = split_meta(copy, size, keys, values);
	int expected = is_all_zero(text, size) && size <= VOLUME_META_LIMIT + 1 ? 0
				   : count < 0                                              ? -1
																			: 1;
	VolumeMeta meta;

	write_file(IMAGE ".meta", text, size);
	report_reset();
	if (volume_meta_read(rootfd, IMAGE, &meta) != expected || report_is_set() != (expected < 0))
		abort();
	if (expected == 1)
	{
		if (meta.count != count)
			abort();
		for (int i = 0; i < count; i++)
			if (strcmp(meta.keys[i], keys[count - 1 - i]) != 0 ||
				volume_meta_value(&meta, keys[i]) == NULL ||
				strcmp(volume_meta_value(&meta, keys[i]), values[i]) != 0)
				abort();
		if (volume_meta_text(&meta, "LEGAL", "1", written))
			compare_written(&meta, written);
		else if (!report_is_set())
			abort();
	}
	free(copy);
}

/* ---------- a volume's name ---------- */

static void
check_name(const char *text, size_t size)
{
	static const char middle[] = "\nINODE=";
	char given[COPIER_MAX_NAME + 1];
	char *line = line_of(text, "INODE=", "\n");
	size_t name_length = strcspn(text, "\n");
	uint64_t inode = number_of(line, 0);
	uint64_t found;
	char *expected = NULL;
	bool good;

	/* the only text that says this */
	if (line != NULL && isdigit((unsigned char) *line) &&
		asprintf(&expected, "%.*s%s%s\nEOF\n", (int) name_length, text, middle, line) < 0)
		abort();
	good = expected != NULL && size <= MAX_NAME_FILE && strcmp(text, expected) == 0 &&
		   strncmp(text, "NAME=", 5) == 0 && name_length - 5 <= COPIER_MAX_NAME &&
		   strspn(line, "0123456789") == strlen(line) &&
		   (inode != UINT64_MAX || strcmp(line + strspn(line, "0"), "18446744073709551615") == 0);
	write_file(IMAGE ".name", text, size);
	report_reset();
	if (volume_name_read(rootfd, IMAGE ".name", given, &found) != good)
		abort();
	if (good && (found != inode || strlen(given) != name_length - 5 ||
				 memcmp(given, text + 5, name_length - 5) != 0))
		abort();
	free(expected);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static void (*const checks[])(const char *, size_t) = {check_metadata, check_identity,
														   check_meta, check_name};
	char *text;

	if (size == 0)
		return 0;
	if (rootfd < 0)
		make_domain();
	text = calloc(1, size);
	if (text == NULL)
		abort();
	memcpy(text, input + 1, size - 1);
	checks[input[0] % 4](text, size - 1);
	free(text);
	return 0;
}
