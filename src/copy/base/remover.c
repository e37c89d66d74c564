/*
 * remover.c
 *		A process beside the copier that removes its unfinished files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/lease.h"
#include "copy/base/remover.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/system.h"

enum order
{
	ORDER_LEARN, /* with the directory's descriptor */
	ORDER_SEAL,
	ORDER_REMOVE
};

/* A message to the process; the answer to each is an errno value, 0 = done. */
struct message
{
	int order;
	int which;
	dev_t device;
	ino_t inode;
	char name[NAME_MAX + 1];
};

struct removable_file
{
	int directory_fd; /* -1 = not learned */
	bool doomed;      /* to be removed when the copier has ended */
	struct message known;
};

static struct removable_file files[REMOVABLE_COUNT] = {{.directory_fd = -1}, {.directory_fd = -1}};
static int channel = -1; /* to the process */
static pid_t process;    /* 0: the one that has forked this one */
static bool is_ordered;  /* something is to be removed */
static int ends[2];      /* of the channel: the copier's, the process's */

static bool
is_known(const struct removable_file *file, const struct stat *status)
{
	return status->st_dev == file->known.device && status->st_ino == file->known.inode;
}

/* Removes the file of this name unless it is somebody else's by now.  An errno value, 0 = done or gone. */
static int
remove_name(const struct removable_file *file, const char *name)
{
	struct stat status;

	if (file->directory_fd < 0)
		return EINVAL;
	if (fstatat(file->directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : errno;
	if (!is_known(file, &status))
		return 0;
	return unlinkat(file->directory_fd, name, 0) == 0 || errno == ENOENT ? 0 : errno;
}

/* One message, and the descriptor that came with it (-1 = none).  False at the end of the copier. */
static bool
receive(int from, struct message *message, int *descriptor)
{
	union
	{
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part,
							.msg_iovlen = 1,
							.msg_control = &control,
							.msg_controllen = sizeof(control)};
	struct cmsghdr *attached;
	ssize_t got;

	do
		got = recvmsg(from, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*descriptor = -1;
	attached = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	if (attached != NULL && attached->cmsg_type == SCM_RIGHTS &&
		attached->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(descriptor, CMSG_DATA(attached), sizeof(int));
	return got == (ssize_t) sizeof(*message);
}

/* The process.  What it is told after the seal may come from a copier that is not itself any more. */
static void
serve(int from)
{
	struct message message;
	bool sealed = false;
	int descriptor;

	while (receive(from, &message, &descriptor))
	{
		int answer = EINVAL;
		bool known = message.which >= 0 && message.which < REMOVABLE_COUNT;

		if (message.order == ORDER_LEARN && !sealed && known && descriptor >= 0 &&
			memchr(message.name, '\0', sizeof(message.name)) != NULL &&
			strchr(message.name, '/') == NULL)
		{
			if (files[message.which].directory_fd >= 0)
				close(files[message.which].directory_fd);
			files[message.which].directory_fd = descriptor;
			files[message.which].known = message;
			descriptor = -1;
			answer = 0;
		}
		else if (message.order == ORDER_SEAL)
		{
			sealed = true;
			answer = 0;
		}
		else if (message.order == ORDER_REMOVE && known)
		{
			files[message.which].doomed = true;
			answer = 0;
		}
		if (descriptor >= 0)
			close(descriptor);
		if (write(from, &answer, sizeof(answer)) != (ssize_t) sizeof(answer))
			break;
	}
}

/*
 * Takes the record's lock: the next copier then can't go on with the files that are about to be removed.  A descriptor, or
 * -1 with errno: EBUSY = another copier has it, ENOENT = nobody can go on, as there is no record of ours.
 */
static int
lock_record(const struct removable_file *record)
{
	struct stat status;
	int error_number = ENOENT;
	int locked;
	int fd;

	if (record->directory_fd < 0)
	{
		errno = ENOENT;
		return -1;
	}
	fd = openat(record->directory_fd, record->known.name,
				O_RDWR | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	locked = file_lock(fd);
	if (locked <= 0)
		error_number = locked < 0 ? errno : EBUSY;
	else if (fstat(fd, &status) != 0)
		error_number = errno;
	else if (is_known(record, &status))
		return fd;
	close(fd);
	errno = error_number;
	return -1;
}

/*
 * The record is closed before it is removed, and nobody shall find it in between: a name that any copier takes away.  An
 * errno value, 0 = done.
 */
static int
remove_record(const struct removable_file *record, int fd)
{
	char left_over[NAME_MAX + 1];
	int length =
		snprintf(left_over, sizeof(left_over), "%s" RECORD_TEMPORARY_SUFFIX, record->known.name);
	bool renamed = length > 0 && (size_t) length < sizeof(left_over) &&
				   rename_in_directory(record->directory_fd, record->known.name, left_over) == 0;

	close(fd);
	return remove_name(record, renamed ? left_over : record->known.name);
}

/*
 * The copier has closed its files, or is dead.  Not before: an NFS client gives a file that is open when it is removed
 * a name .nfs…, which stays for ever if the machine crashes then.  What the next copier has gone on with by now, or
 * the dead one still holds, stays for the next.  An errno value, 0 = done.
 */
static int
remove_doomed(void)
{
	const struct removable_file *output = &files[REMOVABLE_OUTPUT];
	const struct removable_file *record = &files[REMOVABLE_RECORD];
	int result = 0;
	int fd;

	if (!output->doomed && !record->doomed)
		return 0;
	fd = lock_record(record);
	if (fd < 0 && errno != ENOENT)
		return errno == EBUSY ? 0 : errno;
	if (output->doomed)
		result = remove_name(output, output->known.name);
	if (fd >= 0 && record->doomed && result == 0)
		return remove_record(record, fd);
	if (fd >= 0)
		close(fd);
	return result;
}

static void
run_process(int from, int argc, char **argv)
{
	/* What stops the copier is the copier's to handle. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "vmclone-remover");
	for (int i = 0; i < argc; i++)
		memset(argv[i], 0, strlen(argv[i]));
	/* Nothing of the copier's stays open or in use through us: pipes, locks, mounts. */
	from = fcntl(from, F_DUPFD, 3);
	if (from < 0 || dup2(from, 3) != 3)
		_exit(1);
	closefrom(4);
	if (chdir("/") != 0)
		_exit(1);
	/* No file gets their numbers: what is said to them at a lease's end would go into it. */
	for (int i = 0; i < 3; i++)
	{
		close(i);
		if (open("/", O_RDONLY | O_DIRECTORY) != i)
			_exit(1);
	}
	lease_forked();
	serve(3);
	/* afterwards the files may be somebody else's to go on with */
	lease_guard_thread();
	_exit(remove_doomed());
}

int
remover_open(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
		return 0;
	return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET, "could not make a socket");
}

void
remover_join(void)
{
	close(ends[1]);
	channel = ends[0];
}

void
remover_serve(void)
{
	close(ends[0]);
	serve(ends[1]);
	close(ends[1]);
}

int
remover_start(int argc, char **argv)
{
	if (channel >= 0)
		return 0;
	if (remover_open() != 0)
		return -1;
	process = fork();
	if (process == 0)
		run_process(ends[1], argc, argv);
	remover_join();
	if (process < 0)
	{
		int error_number = errno;

		close(channel);
		channel = -1;
		return report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a process");
	}
	return 0;
}

/* Waits for the answer to a message: 0 or an errno value. */
static int
get_answer(void)
{
	int answer;
	ssize_t got;

	do
		got = read(channel, &answer, sizeof(answer));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno;
	return got == (ssize_t) sizeof(answer) ? answer : EPIPE;
}

static void
tell_failure(int error_number)
{
	if (error_number != 0)
		report_say("could not remove an unfinished file: %s", strerror(error_number));
}

/* Without system calls that the sandbox denies. */
static int
order(enum order what, enum removable which)
{
	struct message message = {.order = what, .which = (int) which};

	if (write(channel, &message, sizeof(message)) != (ssize_t) sizeof(message))
		return errno;
	return get_answer();
}

static int
send_file(const struct removable_file *file)
{
	union
	{
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {(void *) (uintptr_t) &file->known, sizeof(file->known)};
	struct msghdr header = {.msg_iov = &part,
							.msg_iovlen = 1,
							.msg_control = &control,
							.msg_controllen = sizeof(control)};
	struct cmsghdr *attached = CMSG_FIRSTHDR(&header);

	attached->cmsg_level = SOL_SOCKET;
	attached->cmsg_type = SCM_RIGHTS;
	attached->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(attached), &file->directory_fd, sizeof(int));
	if (sendmsg(channel, &header, MSG_NOSIGNAL) != (ssize_t) sizeof(file->known))
		return errno;
	return get_answer();
}

int
remover_learn(enum removable which, int directory_fd, const char *name, int fd, const char *path)
{
	struct removable_file *file = &files[which];
	struct stat status;
	int error_number = ENAMETOOLONG;

	memset(file, 0, sizeof(*file));
	file->directory_fd = directory_fd;
	file->known.order = ORDER_LEARN;
	file->known.which = (int) which;
	if (strlen(name) < sizeof(file->known.name))
	{
		memcpy(file->known.name, name, strlen(name));
		error_number = file_status(fd, &status) == 0 ? 0 : errno;
	}
	if (error_number == 0)
	{
		file->known.device = status.st_dev;
		file->known.inode = status.st_ino;
		if (channel >= 0)
			error_number = send_file(file);
	}
	if (error_number != 0)
	{
		file->directory_fd = -1;
		return report_io_error(error_number, NO_LAYER, path, NO_OFFSET,
							   "could not prepare the removal of an unfinished file");
	}
	return 0;
}

void
remover_seal(void)
{
	if (channel >= 0)
		order(ORDER_SEAL, REMOVABLE_OUTPUT);
}

void
remover_remove(enum removable which)
{
	if (files[which].directory_fd < 0)
		return;
	if (channel >= 0)
	{
		int error_number = order(ORDER_REMOVE, which);

		is_ordered |= error_number == 0;
		tell_failure(error_number);
	}
	else
		tell_failure(remove_name(&files[which], files[which].known.name));
}

void
remover_end(void)
{
	tell_failure(remove_doomed());
	for (int i = 0; i < REMOVABLE_COUNT; i++)
	{
		if (files[i].directory_fd >= 0)
			close(files[i].directory_fd);
		files[i] = (struct removable_file){.directory_fd = -1};
	}
}

void
remover_finish(void)
{
	int status = 0;

	if (channel < 0)
		return;
	close(channel);
	channel = -1;
	if (process == 0)
		return;
	while (waitpid(process, &status, 0) < 0 && errno == EINTR)
		continue;
	/* one that could not begin has been told of */
	if (is_ordered && WIFEXITED(status))
		tell_failure(WEXITSTATUS(status));
}
