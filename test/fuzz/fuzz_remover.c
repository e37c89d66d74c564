/*
 * fuzz_remover.c
 *		The input is what a copier says to its remover, before the seal and, as it may be in an image's hands then, after it: nothing
 *		but files that were named before the seal may go.
 *
 * Input: messages of three bytes (order; which, and what is wrong with the message; name) in the order in which they are sent.
 */
#include "copy/base/remover.c"

#include <stdint.h>
#include <stdlib.h>

#include "fuzz_chain.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define MAX_MESSAGES 24
#define MAX_FILES    4

#define WITHOUT_DIRECTORY 4
#define TOO_SHORT         8
#define WITHOUT_END       16 /* of its name */
#define OTHER_INODE       32

static const char *const names[MAX_FILES] = {"out", "record", "another", "sub/inner"};

static int folder = -1;

/* What the remover must do, by the messages. */
struct expected
{
	bool is_sealed;
	bool is_doomed[REMOVABLE_COUNT];
	int name[REMOVABLE_COUNT]; /* -1: none */
	bool is_it[REMOVABLE_COUNT];
	bool is_odd; /* a copier that is itself says nothing of the kind */
};

static void
remove_folder(void)
{
	for (int i = 0; i < MAX_FILES; i++)
		unlinkat(folder, names[i], 0);
	unlinkat(folder, "sub", AT_REMOVEDIR);
	rmdir(fuzz_path("removed"));
}

static void
make_files(void)
{
	if (folder < 0)
	{
		if (mkdir(fuzz_path("removed"), 0700) != 0 ||
			(folder = open(fuzz_path("removed"), O_RDONLY | O_DIRECTORY)) < 0 ||
			mkdirat(folder, "sub", 0700) != 0)
			abort();
		atexit(remove_folder);
	}
	for (int i = 0; i < MAX_FILES; i++)
	{
		int fd = openat(folder, names[i], O_WRONLY | O_CREAT, 0600);

		if (fd < 0)
			abort();
		close(fd);
	}
}

/* Sends one message; what comes of it. */
static void
tell(int to, const uint8_t *bytes, struct expected *expected)
{
	struct removable_file file = {.directory_fd = folder};
	uint8_t wrong = bytes[1];
	int which = wrong % 3 - (wrong >= 128 ? 1 : 0); /* -1 to 2: two are none */
	int name = bytes[2] % MAX_FILES;
	bool is_whole = (wrong & TOO_SHORT) == 0;
	bool is_known = which >= 0 && which < REMOVABLE_COUNT;
	struct stat status;
	struct message *message = &file.known;

	message->order = bytes[0] % 5;
	message->which = which;
	if (fstatat(folder, names[name], &status, 0) != 0)
		abort();
	message->device = status.st_dev;
	message->inode = status.st_ino + ((wrong & OTHER_INODE) != 0);
	memset(message->name, (wrong & WITHOUT_END) != 0 ? 'x' : 0, sizeof(message->name));
	memcpy(message->name, names[name], strlen(names[name]));
	expected->is_odd |= wrong > REMOVABLE_RECORD || message->order > ORDER_REMOVE || !is_known ||
						(message->order == ORDER_REMOVE && expected->name[which] < 0) ||
						(message->order == ORDER_LEARN && expected->name[which] >= 0);
	if (message->order == ORDER_LEARN && (wrong & WITHOUT_DIRECTORY) == 0 && is_whole)
	{
		channel = to;
		(void) send_file(&file);
	}
	else if (write(to, message, is_whole ? sizeof(*message) : 5) < 0)
		abort();
	if (!is_whole)
		return;
	if (message->order == ORDER_LEARN && !expected->is_sealed && is_known &&
		(wrong & (WITHOUT_DIRECTORY | WITHOUT_END)) == 0 && strchr(names[name], '/') == NULL)
	{
		expected->name[which] = name;
		expected->is_it[which] = (wrong & OTHER_INODE) == 0;
	}
	else if (message->order == ORDER_SEAL)
		expected->is_sealed = true;
	else if (message->order == ORDER_REMOVE && is_known)
		expected->is_doomed[which] = true;
}

static bool
is_there(int name)
{
	struct stat status;

	return fstatat(folder, names[name], &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
compare(const struct expected *expected)
{
	for (int name = 0; name < MAX_FILES; name++)
	{
		bool may_go = false;

		for (int which = 0; which < REMOVABLE_COUNT; which++)
			may_go |= expected->is_doomed[which] && expected->name[which] == name &&
					  expected->is_it[which];
		if (is_there(name) ? may_go && !expected->is_odd : !may_go)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct expected expected = {.name = {-1, -1}};
	int pair[2];
	bool is_over = false;

	make_files();
	memset(files, 0, sizeof(files));
	for (int which = 0; which < REMOVABLE_COUNT; which++)
		files[which].directory_fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	/* answers are there before the messages are read: nobody waits for nobody */
	for (int i = 0; i < MAX_MESSAGES; i++)
	{
		int answer = 0;

		if (write(pair[1], &answer, sizeof(answer)) != (ssize_t) sizeof(answer))
			abort();
	}
	for (size_t at = 0; at + 3 <= size && at < 3 * MAX_MESSAGES && !is_over; at += 3)
	{
		is_over = (input[at + 1] & TOO_SHORT) != 0;
		tell(pair[0], input + at, &expected);
	}
	shutdown(pair[0], SHUT_WR);
	serve(pair[1]);
	close(pair[0]);
	close(pair[1]);
	channel = -1;
	(void) remove_doomed();
	compare(&expected);
	for (int which = 0; which < REMOVABLE_COUNT; which++)
		if (files[which].directory_fd >= 0)
			close(files[which].directory_fd);
	return 0;
}
