/*
 * fuzz_backing.c
 *		The input is what the sandboxed reader of a header answers, which may be in the hands of the image: the backing file's name
 *		must lead to a file below the directory, or nowhere.
 *
 * Input: a byte, then three texts: path of the image, name and format of its backing file.  The second reader keeps the
 * components of the path in a list.
 */
#include "copy/volume/volume_chain.c"

#include <stddef.h>
#include <stdint.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define ROOT       "/srv/images"
#define OTHER_NAME "/mnt/link" /* as the caller gave it; what it leads to is ROOT */
#define MAX_PARTS  (QCOW2_MAX_BACKING_NAME + PATH_MAX)

struct parts
{
	int count;
	bool has_left; /* ".." of the root */
	char *names[MAX_PARTS];
};

static void
add_parts(struct parts *parts, const char *path)
{
	char *copy = strdup(path);
	char *rest = copy;
	char *part;

	while ((part = strsep(&rest, "/")) != NULL && !parts->has_left)
	{
		if (strcmp(part, "..") == 0 && parts->count == 0)
			parts->has_left = true;
		else if (strcmp(part, "..") == 0)
			free(parts->names[--parts->count]);
		else if (*part != '\0' && strcmp(part, ".") != 0)
			parts->names[parts->count++] = strdup(part);
	}
	free(copy);
}

/* The path; false: there is none, or one that is too long on the way is possible. */
static bool
join(const struct parts *parts, char path[PATH_MAX])
{
	size_t length = 0;

	path[0] = '\0';
	for (int i = 0; i < parts->count; i++)
	{
		size_t part = strlen(parts->names[i]);

		if (length + part + 2 > PATH_MAX)
			return false;
		length += (size_t) sprintf(path + length, "%s%s", i > 0 ? "/" : "", parts->names[i]);
	}
	return !parts->has_left && parts->count > 0;
}

static const char *
behind(const char *name, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(name, directory, length) == 0 && name[length] == '/' ? name + length : NULL;
}

/* Where the name leads from the image at "file". */
static bool
find(const char *file, const char *name, char path[PATH_MAX])
{
	static struct parts parts;
	bool found;

	parts.count = 0;
	parts.has_left = false;
	if (name[0] == '/')
	{
		const char *rest = behind(name, ROOT);

		if (rest == NULL)
			rest = behind(name, OTHER_NAME);
		if (rest == NULL)
			return false;
		add_parts(&parts, rest);
	}
	else
	{
		add_parts(&parts, file);
		if (parts.count > 0)
			free(parts.names[--parts.count]); /* the image itself */
		add_parts(&parts, name);
	}
	found = join(&parts, path);
	while (parts.count > 0)
		free(parts.names[--parts.count]);
	return found;
}

/* Whether a path is as begin_walk() and go_below() leave it. */
static bool
is_plain(const char *path)
{
	if (path[0] == '\0' || path[0] == '/' || strlen(path) >= PATH_MAX)
		return false;
	for (const char *at = path; at != NULL; at = strchr(at, '/'))
	{
		size_t length;

		at += *at == '/';
		length = strcspn(at, "/");
		if (length == 0 || (length <= 2 && strspn(at, ".") >= length))
			return false;
	}
	return true;
}

/* What ask_for_header() takes from the pipe: a struct that has no end of text where it can do without. */
static void
receive(struct Header *header, uint8_t refused, const char *name, const char *format)
{
	static unsigned char whole[sizeof(Header)];
	int ends[2];

	memset(whole, 0xff, sizeof(whole));
	memset(whole + offsetof(Header, refused), refused, sizeof(header->refused));
	memcpy(whole + offsetof(Header, backing_name), name,
		   min_u64(strlen(name) + 1, sizeof(header->backing_name)));
	memcpy(whole + offsetof(Header, backing_format), format,
		   min_u64(strlen(format) + 1, sizeof(header->backing_format)));
	if (pipe2(ends, O_CLOEXEC) != 0 ||
		write(ends[1], whole, sizeof(whole)) != (ssize_t) sizeof(whole))
		abort();
	close(ends[1]);
	if (!receive_header(ends[0], header))
		abort();
	close(ends[0]);
	if (header->message[sizeof(header->message) - 1] != '\0')
		abort();
}

/* The next of the texts that the input holds, each with a NUL behind it; the last one may lack it. */
static char *
take_text(const uint8_t **input, size_t *size)
{
	size_t length = strnlen((const char *) *input, *size);
	char *text = strndup((const char *) *input, length);

	length = min_u64(length + 1, *size);
	*input += length;
	*size -= length;
	return text;
}

static void
compare(Walk *walk, const char *before)
{
	char expected[PATH_MAX];
	bool is_inside = find(before, walk->header.backing_name, expected);

	report_reset();
	if (go_below(walk))
	{
		const char *format = walk->header.backing_format;

		if (!is_inside || strcmp(walk->file, expected) != 0 || !is_plain(walk->file) ||
			report_is_set() || strcmp(format, walk->is_qcow2 ? "qcow2" : "raw") != 0 ||
			strstr(walk->header.backing_name, "://") != NULL)
			abort();
	}
	else if (!report_is_set() || strcmp(walk->file, before) != 0 ||
			 (report_get().kind == COPIER_OUTSIDE_ROOT && is_inside))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const VolumeOptions options = {.path = OTHER_NAME};
	static Walk walk;
	uint8_t refused = size > 0 ? *input++ : 1;
	char *before;
	char *name;
	char *format;

	if (size-- == 0)
		return 0;
	before = take_text(&input, &size);
	name = take_text(&input, &size);
	format = take_text(&input, &size);
	if (is_plain(before))
	{
		memset(&walk, 0, sizeof(walk));
		walk.options = &options;
		walk.root = ROOT;
		strcpy(walk.file, before);
		receive(&walk.header, refused, name, format);
		if (walk.header.refused == 0 && walk.header.backing_name[0] != '\0')
			compare(&walk, before);
	}
	free(before);
	free(name);
	free(format);
	return 0;
}
