/*
 * system.h
 *		What older C libraries and kernel headers don't have yet, under its own name.
 */
#ifndef COPY_SYSTEM_H
#define COPY_SYSTEM_H

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __SIZEOF_POINTER__ < 8
#error "vmclone-copy is for 64 bit systems: it counts bytes of images in memory's words"
#endif

/* glibc up to 2.35 */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* linux/magic.h, up to 5.19 */
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef CEPH_SUPER_MAGIC
#define CEPH_SUPER_MAGIC 0x00C36400
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

/* glibc knows system calls by name that its kernel headers had: 5.6 */
#ifndef SYS_openat2
#define SYS_openat2 __NR_openat2
#endif

/* glibc 2.34: closes all descriptors from this one on. */
#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 34)
static inline void
closefrom(int lowest)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	/* without /proc nothing tells which are open; a shell hands on low ones only */
	for (int fd = lowest; directory == NULL && fd < 1024; fd++)
		close(fd);
	while (directory != NULL && (entry = readdir(directory)) != NULL)
	{
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd >= lowest && fd != dirfd(directory))
			close(fd);
	}
	if (directory != NULL)
		closedir(directory);
}
#endif

/* glibc 2.32: the name of an error, such as "ENOSPC"; NULL for one that storage doesn't give. */
#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 32)
static inline const char *
strerrorname_np(int error)
{
#define NAME(error) [error] = #error
	static const char *const names[] = {
		NAME(EPERM),        NAME(ENOENT),       NAME(EINTR),        NAME(EIO),
		NAME(ENXIO),        NAME(E2BIG),        NAME(EBADF),        NAME(EAGAIN),
		NAME(ENOMEM),       NAME(EACCES),       NAME(EFAULT),       NAME(EBUSY),
		NAME(EEXIST),       NAME(EXDEV),        NAME(ENODEV),       NAME(ENOTDIR),
		NAME(EISDIR),       NAME(EINVAL),       NAME(ENFILE),       NAME(EMFILE),
		NAME(ENOTTY),       NAME(ETXTBSY),      NAME(EFBIG),        NAME(ENOSPC),
		NAME(ESPIPE),       NAME(EROFS),        NAME(EMLINK),       NAME(EPIPE),
		NAME(ERANGE),       NAME(EDEADLK),      NAME(ENAMETOOLONG), NAME(ENOLCK),
		NAME(ENOSYS),       NAME(ENOTEMPTY),    NAME(ELOOP),        NAME(ENODATA),
		NAME(ETIME),        NAME(EREMOTE),      NAME(ENOLINK),      NAME(ECOMM),
		NAME(EPROTO),       NAME(EBADMSG),      NAME(EOVERFLOW),    NAME(EOPNOTSUPP),
		NAME(ENETDOWN),     NAME(ENETUNREACH),  NAME(ENETRESET),    NAME(ECONNABORTED),
		NAME(ECONNRESET),   NAME(ENOBUFS),      NAME(ENOTCONN),     NAME(ESHUTDOWN),
		NAME(ETIMEDOUT),    NAME(ECONNREFUSED), NAME(EHOSTDOWN),    NAME(EHOSTUNREACH),
		NAME(EALREADY),     NAME(EINPROGRESS),  NAME(ESTALE),       NAME(EUCLEAN),
		NAME(EREMOTEIO),    NAME(EDQUOT),       NAME(ENOMEDIUM),    NAME(EMEDIUMTYPE),
		NAME(ECANCELED),    NAME(ENOKEY),       NAME(EKEYEXPIRED),  NAME(EKEYREVOKED),
		NAME(EKEYREJECTED),
	};
#undef NAME

	return error >= 0 && (size_t) error < sizeof(names) / sizeof(names[0]) ? names[error] : NULL;
}
#endif

#endif
