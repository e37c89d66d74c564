/*
 * volume_provision.c
 *		Block domains: a provisioning program makes and removes the devices.
 *
 * vmclone never writes LVM.  The administrator's program gets one word as its argument and one JSON object on its
 * standard input (volume_request.c), and answers with one JSON object (docs/provisioning.md); its answer is passed on, but
 * which device a volume is, only the kernel is believed (volume_device.c).
 */
#include "copy/volume/volume_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "copy/base/json_read.h"
#include "copy/base/lease.h"
#include "copy/base/volume_group.h"

#define PROGRAM_TICK 20 /* ms between looks at the program */
#define ANSWER_LIMIT                                                                               \
	60000 /* bytes of its answer: with what is around it, a line that the worker reads whole */
#define LVM_NAME_SIZE   128  /* bytes of a logical volume's name and its end */
#define COMPLAINT_LIMIT 1000 /* bytes of its words on standard error that are passed on */

/* The program while it runs.  A descriptor that is closed is -1: poll() passes it over. */
struct program
{
	pid_t pid;
	int output;
	int errors;
	char answer[ANSWER_LIMIT + 2];
	size_t answer_length;
	char complaint[COMPLAINT_LIMIT + 1];
	size_t complaint_length;
	int status; /* of waitpid() */
};

static bool
check_program(const char *program)
{
	struct stat status;

	if (program[0] != '/')
		return volume_fail(COPIER_USAGE, 0, program, "Give the full path of the program.",
						   "provisioning program must be an absolute path");
	if (stat(program, &status) != 0)
		return volume_fail_errno(program, "could not find the provisioning program");
	if (!S_ISREG(status.st_mode) || access(program, X_OK) != 0)
		return volume_fail(COPIER_REFUSED, 0, program, "Make it executable for the server's user.",
						   "provisioning program is not an executable file");
	if ((status.st_mode & S_IWOTH) != 0)
		return volume_fail(COPIER_REFUSED, 0, program, "Take the write permission of others away.",
						   "provisioning program can be changed by every user");
	return true;
}

static int64_t
milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
close_pipe(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Adds what the program has said to "text"; of more than that holds, the beginning.  False when nothing is there. */
static bool
read_words(int *fd, char *text, size_t limit, size_t *length)
{
	char chunk[4096];
	ssize_t n;
	size_t keep;

	if (*fd < 0)
		return false;
	n = read(*fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n <= 0)
	{
		close_pipe(fd);
		return false;
	}
	keep = (size_t) n < limit - *length ? (size_t) n : limit - *length;
	memcpy(text + *length, chunk, keep);
	*length += keep;
	return true;
}

/*
 * Passes on the lines about volumes that "list" gives before its answer, so that a group may have any number of them; what is
 * no such line is the answer.
 */
static void
pass_volumes(struct program *program)
{
	char *line = program->answer;
	char *end;
	char lv[LVM_NAME_SIZE];
	static struct json volume;

	program->answer[program->answer_length] = '\0';
	while ((end = strchr(line, '\n')) != NULL)
	{
		*end = '\0';
		if (!json_is_object(line) || !json_member_text(line, "lv", lv, sizeof(lv)))
		{
			*end = '\n';
			break;
		}
		json_value(&volume, NULL, line);
		if (json_print(&volume, true) != 0)
			volume_fail_errno(NULL, "could not print the answer");
		line = end + 1;
	}
	program->answer_length -= (size_t) (line - program->answer);
	memmove(program->answer, line, program->answer_length + 1);
}

static void
read_all(struct program *program, const VolumeOptions *options)
{
	bool lists = strcmp(options->action, COPIER_PROVISION_LIST) == 0;

	while (read_words(&program->output, program->answer, ANSWER_LIMIT + 1, &program->answer_length))
		if (lists)
			pass_volumes(program);
	while (read_words(&program->errors, program->complaint, COMPLAINT_LIMIT,
					  &program->complaint_length))
		;
}

/*
 * Waits for the program itself: it may close its descriptors and go on, or leave them open in something that it started
 * (LVM's daemons).  A program that takes longer than the time allowed is killed with all that it started.
 */
static bool
wait_for_program(struct program *program, const VolumeOptions *options)
{
	int64_t deadline = milliseconds_now() + (int64_t) options->timeout * 1000;
	bool late = false;
	pid_t ended = 0;

	while (ended == 0)
	{
		struct pollfd polled[] = {{.fd = program->output, .events = POLLIN},
								  {.fd = program->errors, .events = POLLIN}};

		if (!late && milliseconds_now() >= deadline)
		{
			late = true;
			kill(-program->pid, SIGKILL);
		}
		(void) poll(polled, 2, PROGRAM_TICK);
		read_all(program, options);
		ended = waitpid(program->pid, &program->status, WNOHANG);
		if (ended < 0 && errno == EINTR)
			ended = 0;
		if (ended < 0)
			return volume_fail_errno(options->command,
									 "could not wait for the provisioning program");
	}
	read_all(program, options);
	return !late || volume_fail(COPIER_IO, ETIMEDOUT, options->command,
								"Look why the program hangs, or raise vmclone.storage_timeout.",
								"provisioning program did not end within %" PRIu64 " seconds",
								options->timeout);
}

static void
cut_space(char *text, size_t *length)
{
	while (*length > 0 && isspace((unsigned char) text[*length - 1]))
		--*length;
	text[*length] = '\0';
}

/* The kind that the program's own word stands for. */
static enum copier_error
kind_of(const char *word)
{
	static const enum copier_error kinds[] = {COPIER_NO_SPACE, COPIER_NOT_FOUND,
											  COPIER_BUSY,     COPIER_EXISTS,
											  COPIER_REFUSED,  COPIER_NOT_ATTACHED};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(word, copier_error_word(kinds[i])) == 0)
			return kinds[i];
	return strcmp(word, "other_owner") == 0 ? COPIER_NOT_ATTACHED : COPIER_IO;
}

/* A failure of kind io that names no errno is taken for EIO, on which a job waits instead of failing. */
static int
error_number_of(enum copier_error kind)
{
	return kind == COPIER_IO ? EIO : 0;
}

/* The program has ended: its answer is one JSON object, or what it said of its failure is reported. */
static bool
check_end(struct program *program, const VolumeOptions *options)
{
	char text[COMPLAINT_LIMIT + 1];
	char word[32] = "";
	bool answered;

	cut_space(program->complaint, &program->complaint_length);
	cut_space(program->answer, &program->answer_length);
	/* what isn't looked at behind a NUL would be taken for right */
	answered = program->answer_length <= ANSWER_LIMIT &&
			   strlen(program->answer) == program->answer_length && json_is_object(program->answer);
	if (WIFSIGNALED(program->status))
		return volume_fail(COPIER_IO, EIO, options->command, NULL,
						   "provisioning program was killed by signal %d: %s",
						   WTERMSIG(program->status), program->complaint);
	if (WEXITSTATUS(program->status) != 0 && answered &&
		json_member_text(program->answer, "error", text, sizeof(text)))
	{
		(void) json_member_text(program->answer, "kind", word, sizeof(word));
		return volume_fail(kind_of(word), error_number_of(kind_of(word)), options->command, NULL,
						   "provisioning program could not %s: %s", options->action, text);
	}
	if (WEXITSTATUS(program->status) != 0)
		return volume_fail(COPIER_IO, EIO, options->command, NULL,
						   "provisioning program failed with exit code %d: %s",
						   WEXITSTATUS(program->status), program->complaint);
	return answered ||
		   volume_fail(COPIER_REFUSED, 0, options->command,
					   "It must print one JSON object in one line (docs/provisioning.md).",
					   "answer of the provisioning program is no JSON object");
}

/* Both ends close on exec; ours doesn't block. */
static bool
make_pipe(int ends[2], int ours)
{
	return pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[ours], F_SETFL, O_NONBLOCK) == 0;
}

/* 0 or an errno value. */
static int
spawn(struct program *program, const VolumeOptions *options, const int theirs[3])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t defaults;
	static char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	char *arguments[] = {(char *) options->command, (char *) options->action, NULL};
	int error;

	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGKILL);
	sigdelset(&defaults, SIGSTOP);
	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attributes)) != 0)
	{
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	for (int i = 0; i < 3 && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
	if (error == 0 && (error = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
		(error = posix_spawnattr_setsigdefault(&attributes, &defaults)) == 0 &&
		(error =
			 posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
													   POSIX_SPAWN_SETPGROUP)) == 0)
		error = posix_spawn(&program->pid, options->command, &actions, &attributes, arguments,
							environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

static bool
start_program(struct program *program, const VolumeOptions *options, int request)
{
	int output[2] = {-1, -1};
	int errors[2] = {-1, -1};
	bool made = make_pipe(output, 0) && make_pipe(errors, 0);
	int error =
		made ? spawn(program, options, (const int[]){request, output[1], errors[1]}) : errno;

	program->output = output[0];
	program->errors = errors[0];
	close_pipe(&output[1]);
	close_pipe(&errors[1]);
	if (error == 0)
		return true;
	errno = error;
	return volume_fail_errno(options->command, "could not start the provisioning program");
}

/* "request" is what the program has as standard input. */
static bool
run_program(struct program *program, const VolumeOptions *options, int request)
{
	bool done;

	if (!check_program(options->command))
		return false;
	/* a lease is the program's, too */
	lease_begin_group();
	done = start_program(program, options, request);
	lease_bind_group(done ? program->pid : 0);
	if (!done)
		return false;
	done = wait_for_program(program, options);
	lease_bind_group(0);
	done = done && check_end(program, options);
	close_pipe(&program->output);
	close_pipe(&program->errors);
	return done;
}

static bool
check_options(const VolumeOptions *options)
{
	if (!volume_group_is_name(options->vg))
		return volume_fail(COPIER_USAGE, 0, options->vg, NULL, "not a volume group name");
	if (options->root[0] != '/')
		return volume_fail(COPIER_USAGE, 0, options->root, NULL, "--root must be an absolute path");
	return json_is_object(options->request) ||
		   volume_fail(COPIER_USAGE, 0, NULL, NULL, "--request must be one JSON object");
}

/* Another group may have the name by now. */
static bool
check_group(const VolumeOptions *options, const char *answer)
{
	char uuid[64] = "";

	if (options->vg_uuid == NULL)
		return true;
	(void) json_member_text(answer, "vg_uuid", uuid, sizeof(uuid));
	return strcmp(uuid, options->vg_uuid) == 0 ||
		   volume_fail(COPIER_NOT_ATTACHED, 0, options->vg,
					   "Make the volume group that was attached visible under its name, or attach "
					   "this one.",
					   "volume group has the uuid \"%s\", not \"%s\"", uuid, options->vg_uuid);
}

/* Which devices there are now; of a volume that an earlier attempt has committed there is none to write to. */
static bool
prove_devices(const VolumeOptions *options, const char *program_answer, struct json *answer)
{
	bool removed = strcmp(options->action, COPIER_PROVISION_REMOVE) == 0;
	bool made = strcmp(options->action, COPIER_PROVISION_ACTIVATE) == 0 ||
				(strcmp(options->action, COPIER_PROVISION_CREATE) == 0 &&
				 !json_member_is_true(program_answer, "committed"));

	json_open(answer, "devices", '[');
	for (int i = 0; i < options->lv_count && (made || removed); i++)
		if (removed ? !volume_device_is_gone(options, options->lvs[i])
					: !volume_find_device(options, options->lvs[i], answer))
			return false;
	json_close(answer, ']');
	return true;
}

static bool
run_request(const VolumeOptions *options, struct json *answer)
{
	static struct program program;
	bool over = strcmp(options->action, COPIER_PROVISION_COMMIT) == 0 ||
				strcmp(options->action, COPIER_PROVISION_REMOVE) == 0;
	bool released = options->is_asked && strcmp(options->action, COPIER_PROVISION_DEACTIVATE) == 0;
	int request;
	bool done;

	if (!check_options(options) || (request = volume_request_open(options)) < 0)
		return false;
	done = run_program(&program, options, request) && check_group(options, program.answer);
	if (done)
		json_value(answer, "answer", program.answer);
	/* whoever asks keeps a copy's record there */
	if (done && options->is_asked)
		json_string(answer, COPIER_FIELD_STATE, options->state);
	done = done && prove_devices(options, program.answer, answer) &&
		   (!over || volume_request_forget(options)) &&
		   (!released || volume_request_forget_idle(options));
	close(request);
	return done;
}

bool
volume_provision(const VolumeOptions *options, struct json *answer)
{
	VolumeOptions with_request = *options;
	struct json request = {0};
	bool done;

	if (options->request != NULL)
		return run_request(options, answer);
	done = volume_request_make(options, &request);
	with_request.request = request.text;
	done = done && run_request(&with_request, answer);
	json_free(&request);
	return done;
}
