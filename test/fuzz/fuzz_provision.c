/*
 * fuzz_provision.c
 *		The input is how a provisioning program ends: what it has said on both of its pipes, and its exit code or signal.
 *
 * Input: flags, exit code, how often what follows is said, length of the complaint, the complaint, the answer.
 */
#include "copy/volume/volume_provision.c"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
extern int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FLAG_LIST   1
#define FLAG_KILLED 2
#define HEAD        4

static int printed = -1; /* in place of stdout */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	printed = memfd_create("stdout", MFD_CLOEXEC);
	stdout = printed >= 0 ? fdopen(printed, "w") : NULL;
	if (stdout == NULL)
		abort();
	return 0;
}

/* A pipe that holds these bytes and has no writer any more. */
static int
pipe_of(const char *bytes, size_t size)
{
	int ends[2];

	if (!make_pipe(ends, 0) || fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) < 0 ||
		write(ends[1], bytes, size) != (ssize_t) size)
		abort();
	close(ends[1]);
	return ends[0];
}

/* Its length without blanks at its end. */
static size_t
trimmed(const char *text, size_t size)
{
	while (size > 0 && strchr(" \t\n\v\f\r", text[size - 1]) != NULL && text[size - 1] != '\0')
		size--;
	return size;
}

/* Bytes of the lines in front that are about volumes. */
static size_t
length_of_volumes(const char *said, size_t size)
{
	size_t length = 0;
	const char *end;

	while ((end = memchr(said + length, '\n', size - length)) != NULL)
	{
		size_t line = (size_t) (end - said) - length;
		char *text = strndup(said + length, line);
		char lv[LVM_NAME_SIZE];
		bool is_volume = strlen(text) == line && json_is_object(text) &&
						 json_member_text(text, "lv", lv, sizeof(lv));

		free(text);
		if (!is_volume)
			break;
		length += line + 1;
	}
	return length;
}

/* What was printed is what the program said. */
static void
compare_printed(const char *said, size_t size)
{
	char *found = malloc(size + 1);

	fflush(stdout);
	if (found == NULL || lseek(printed, 0, SEEK_END) != (off_t) size ||
		pread(printed, found, size, 0) != (ssize_t) size || memcmp(found, said, size) != 0)
		abort();
	free(found);
	if (ftruncate(printed, 0) != 0 || lseek(printed, 0, SEEK_SET) != 0)
		abort();
}

static void
compare_end(struct program *program, const VolumeOptions *options, const char *answer, size_t size)
{
	char *text = calloc(1, size + 1);
	struct report report;
	bool expected;
	bool done;

	memcpy(text, answer, size);
	text[trimmed(answer, size)] = '\0';
	expected = program->status == 0 && size <= ANSWER_LIMIT &&
			   strlen(text) == trimmed(answer, size) && json_is_object(text);
	done = check_end(program, options);
	report = report_get();
	if (done != expected || report_is_set() == done ||
		(done && strcmp(program->answer, text) != 0) ||
		(!done && (report.message[0] == '\0' || strcmp(report.path, options->command) != 0)))
		abort();
	/* another exit code is what the program's own word says, or an error that a job waits on */
	if (!done && report.kind == COPIER_IO && report.error_number != EIO)
		abort();
	if (done && check_group(options, program->answer) == report_is_set())
		abort();
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct program program;
	VolumeOptions options = {.command = "/program", .vg = "vg", .vg_uuid = "AbCdEf"};
	size_t complaint;
	size_t times;
	size_t part;
	char *said;
	size_t length;
	size_t volumes;

	if (size < HEAD)
		return 0;
	options.action = (input[0] & FLAG_LIST) != 0 ? COPIER_PROVISION_LIST : COPIER_PROVISION_SPACE;
	complaint = min_u64(input[3], size - HEAD);
	part = size - HEAD - complaint;
	times = part > 0 ? min_u64(1u + input[2], 200000 / part + 1) : 1;
	length = part * times;
	said = malloc(length + 1);
	for (size_t i = 0; i < times; i++)
		memcpy(said + i * part, input + HEAD + complaint, part);
	memset(&program, 0, sizeof(program));
	program.errors = pipe_of((const char *) input + HEAD, complaint);
	program.output = pipe_of(said, length);
	program.status = (input[0] & FLAG_KILLED) != 0 ? input[1] % 30 + 1 : (input[1] & 0x7f) << 8;
	report_reset();
	/* as wait_for_program() does it: what comes after the end is read, too */
	for (int i = 0; i < 3; i++)
		read_all(&program, &options);
	if (program.output >= 0 || program.errors >= 0)
		abort();
	volumes = (input[0] & FLAG_LIST) != 0 ? length_of_volumes(said, length) : 0;
	compare_printed(said, volumes);
	compare_end(&program, &options, said + volumes, length - volumes);
	free(said);
	return 0;
}
