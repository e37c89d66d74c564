/*
 * sandbox.c
 *		Resource limits and the seccomp filter.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/lease.h"
#include "copy/base/report.h"
#include "copy/base/sandbox.h"
#include "copy/base/system.h"

#define ADDRESS_SPACE_BYTES (512 * MIB)
#define MIN_FILE_SIZE       MIB
#define MAX_MESSAGES        GIB /* weeks of progress */

/* poll() counts against the limit of descriptors, so it can't be zero. */
#define DESCRIPTORS_AFTER 8

/* Sanitizers map terabytes and look at the process from outside at its end. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
	__has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

static void
lower_limit(int resource, uint64_t value)
{
	struct rlimit limit;

	/* A limit that is lower already stays; one that can't be set only protects less. */
	if (getrlimit((__rlimit_resource_t) resource, &limit) == 0 && limit.rlim_max > value)
	{
		/* The hard limit too: there is no way back up. */
		limit.rlim_cur = min_u64(limit.rlim_cur, value);
		limit.rlim_max = value;
		if (setrlimit((__rlimit_resource_t) resource, &limit) != 0)
			return;
	}
}

/* A chain may be longer than the usual limit of 1024 descriptors; the hard one is the machine's word. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max)
	{
		limit.rlim_cur = limit.rlim_max;
		/* with the old one a long chain fails to open, which says so */
		(void) setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
sandbox_descriptors_left(int fd)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
		return INT_MAX - fd;
	return (int) limit.rlim_cur - 1 - fd;
}

void
sandbox_prepare(bool supervised)
{
	raise_descriptor_limit();
	/* One arena: each further one would reserve 64 MiB of address space. */
	mallopt(M_ARENA_MAX, 1);
	lower_limit(RLIMIT_CORE, 0);
	if (!UNDER_SANITIZER)
		lower_limit(RLIMIT_AS, ADDRESS_SPACE_BYTES);
	/* Writing too far fails with EFBIG instead. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (supervised)
		prctl(PR_SET_PDEATHSIG, SIGHUP);
}

/* Where a file that gets messages may end: the limit on the size of files is on it too. */
static uint64_t
messages_end(int fd)
{
	struct stat status;

	if (file_status(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return 0;
	return (uint64_t) status.st_size + MAX_MESSAGES;
}

void
sandbox_limit_file_size(uint64_t bytes)
{
	bytes = max_u64(bytes, messages_end(STDOUT_FILENO));
	bytes = max_u64(bytes, messages_end(STDERR_FILENO));
	if (!UNDER_SANITIZER)
		lower_limit(RLIMIT_FSIZE, max_u64(bytes, MIN_FILE_SIZE));
}

static const int allowed_calls[] = {
	/* files that are open */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2), SCMP_SYS(readv),
	SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(writev), SCMP_SYS(lseek),
	SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fallocate), SCMP_SYS(ftruncate), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(fadvise64), SCMP_SYS(copy_file_range),
	SCMP_SYS(close),
	/* memory and threads that run */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(brk),
	SCMP_SYS(futex), SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	/* time, signals, end */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(wait4), SCMP_SYS(exit), SCMP_SYS(exit_group)};

static const unsigned long allowed_ioctls[] = {FICLONERANGE, BLKZEROOUT, BLKGETSIZE64, BLKSSZGET,
											   TIOCGWINSZ /* for the bar */};

static int
add_rules(scmp_filter_ctx filter)
{
	int result = 0;

	for (size_t i = 0; i < sizeof(allowed_calls) / sizeof(allowed_calls[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
	for (size_t i = 0; i < sizeof(allowed_ioctls) / sizeof(allowed_ioctls[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
								  SCMP_A1(SCMP_CMP_EQ, allowed_ioctls[i]));
	/* Locks on layers; other commands could have signals sent to any process (F_SETOWN). */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
								  SCMP_A1(SCMP_CMP_EQ, F_OFD_SETLK));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
								  SCMP_A1(SCMP_CMP_EQ, F_OFD_GETLK));
	/* Memory is never executable. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
								  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
								  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Of the limits only that on the size of files, known once the layout is. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
								  SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A1(SCMP_CMP_EQ, RLIMIT_FSIZE));
	/* abort() signals its own thread. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
								  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid()));
	/* Threads may begin to be guarded after this, and each beat sets their timers anew. */
	if (result == 0 && lease_is_on())
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(timer_create), 1,
								  SCMP_A0(SCMP_CMP_EQ, CLOCK_BOOTTIME));
	if (result == 0 && lease_is_on())
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(timer_settime), 0);
	/* Pages of the cache are read through the copier's own memory. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(process_vm_readv), 1,
								  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid()));
	return result;
}

int
sandbox_enter(void)
{
	scmp_filter_ctx filter;
	int result;

	if (UNDER_SANITIZER)
		return 0;
	lower_limit(RLIMIT_NOFILE, DESCRIPTORS_AFTER);
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return report_error(COPIER_IO, ENOMEM, NO_LAYER, NULL, NO_OFFSET,
							"could not set up the sandbox");
	result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (result == 0)
		result = add_rules(filter);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result != 0)
		return report_error(COPIER_IO, -result, NO_LAYER, NULL, NO_OFFSET,
							"could not enter the sandbox");
	return 0;
}

#ifdef COPY_SANDBOX_PROBE

static void
print_probe(const char *name, long result)
{
	int error_number = result >= 0 ? 0 : errno;
	struct json json = {0};

	json_open_event(&json, "probe");
	json_string(&json, "call", name);
	json_bool(&json, "allowed", result >= 0);
	json_integer(&json, "errno", (uint64_t) error_number);
	json_close(&json, '}');
	(void) json_print(&json, true);
	json_free(&json);
}

/* What a copier that an image has taken over could do to a file of its user. */
static void
probe_file(const char *path)
{
	char buffer[512];

	if (path == NULL)
		return;
	print_probe("stat", syscall(SYS_stat, path, buffer));
	print_probe("newfstatat", syscall(SYS_newfstatat, AT_FDCWD, path, buffer, 0));
	print_probe("newfstatat_empty", syscall(SYS_newfstatat, AT_FDCWD, path, buffer, AT_EMPTY_PATH));
	print_probe("statx", syscall(SYS_statx, AT_FDCWD, path, 0, 0, buffer));
	print_probe("access", syscall(SYS_access, path, R_OK));
	print_probe("chmod", syscall(SYS_chmod, path, 0777));
	print_probe("chown", syscall(SYS_chown, path, 1, 1));
	print_probe("truncate", syscall(SYS_truncate, path, 0L));
	print_probe("link", syscall(SYS_link, path, "probe-link"));
	print_probe("symlink", syscall(SYS_symlink, path, "probe-link"));
	print_probe("mkdir", syscall(SYS_mkdir, "probe-directory", 0700));
	print_probe("renameat2", syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, "probe-link", 0));
	print_probe("unlink", syscall(SYS_unlink, path));
	print_probe("unlinkat", syscall(SYS_unlinkat, AT_FDCWD, path, 0));
	print_probe("chdir", syscall(SYS_chdir, "/"));
	print_probe("inotify_add_watch", syscall(SYS_inotify_add_watch, 0, path, 1));
	print_probe("fcntl_setown", syscall(SYS_fcntl, STDIN_FILENO, F_SETOWN, getppid()));
	print_probe("sendmsg", syscall(SYS_sendmsg, 3, buffer, 0));
}

void
sandbox_probe(void)
{
	static char path[] = "/etc/passwd";
	static char program[] = "/bin/true";
	char *arguments[] = {program, NULL};
	char parameters[256] = {0};
	long pid;

	print_probe("open", syscall(SYS_open, path, O_RDONLY));
	print_probe("openat", syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
	print_probe("openat2", syscall(SYS_openat2, AT_FDCWD, path, parameters, 24));
	print_probe("creat", syscall(SYS_creat, "/tmp/vmclone-copy-probe", 0600));
	print_probe("socket", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
	print_probe("connect", syscall(SYS_connect, 0, parameters, 16));
	print_probe("io_uring_setup", syscall(SYS_io_uring_setup, 8, parameters));
	print_probe("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0));
	print_probe("mmap_exec", syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
									 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	print_probe("rename", syscall(SYS_rename, path, "/tmp/vmclone-copy-probe"));
	print_probe("kill", syscall(SYS_kill, getppid(), 0));
	print_probe("process_vm_readv", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
	probe_file(getenv("VMCLONE_COPY_PROBE"));
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	print_probe("fork", pid);
	print_probe("execve", syscall(SYS_execve, program, arguments, NULL));
}

#else

void
sandbox_probe(void)
{
}

#endif
