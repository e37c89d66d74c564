/*
 * hugepage.c
 *		Fills 2 MiB of a tmpfs file at once, as one huge page.
 */
#include <linux/magic.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/output/hugepage.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/*
 * With memory at hand a huge page took 0.4 to 0.6 ms and 512 small ones 0.7 ms; 5 ms where a hypervisor
 * had to get it.
 */
#define SLOW_NS         UINT64_C(1500000)
#define MAX_SLOW        2
#define FIRST_LEAVE_OUT 64
#define MOST_LEAVE_OUT  8192

/* Where the mapping lies: a multiple of HUGEPAGE_BYTES in address space that belongs to the window. */
struct hugepage_window
{
	unsigned char *place;
};

/* Set while a thread writes through a mapping. */
static _Thread_local sigjmp_buf *volatile escape;

static void
on_bus_error(int number)
{
	if (escape != NULL)
		siglongjmp(*escape, 1);
	/* Not ours: the same instruction runs again and ends the process. */
	signal(number, SIG_DFL);
}

bool
hugepage_prepare(int fd)
{
	/* No restoring of masks at the jump: the signal must be open again by itself. */
	struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};
	struct statfs system;

	/* With larger pages, huge ones have other sizes. */
	if (sysconf(_SC_PAGESIZE) != 4096 || file_system_of(fd, &system) != 0 ||
		system.f_type != TMPFS_MAGIC)
		return false;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) == 0;
}

struct hugepage_window *
hugepage_open(void)
{
	/* The first page of the reservation that the aligned part doesn't need holds the struct. */
	size_t reserved = 2 * HUGEPAGE_BYTES + 4096;
	unsigned char *start = mmap(NULL, reserved, PROT_READ | PROT_WRITE,
								MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct hugepage_window *window = (struct hugepage_window *) start;

	if (start == MAP_FAILED)
		return NULL;
	window->place = (unsigned char *) align_up((uintptr_t) start + 4096, HUGEPAGE_BYTES);
	return window;
}

void
hugepage_close(struct hugepage_window *window)
{
	if (window != NULL)
		munmap(window, 2 * HUGEPAGE_BYTES + 4096);
}

bool
hugepage_write(struct hugepage_window *window, int fd, const unsigned char *from, uint64_t offset)
{
	sigjmp_buf jump;
	volatile bool done = false;

	/* A range without any page isn't collapsed, so it gets one, in a way that fails without space. */
	if (pwrite(fd, from, 1, (off_t) offset) != 1 ||
		mmap(window->place, HUGEPAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 (off_t) offset) == MAP_FAILED ||
		madvise(window->place, HUGEPAGE_BYTES, MADV_COLLAPSE) != 0)
		return false;
	if (sigsetjmp(jump, 0) == 0)
	{
		escape = &jump;
		atomic_signal_fence(memory_order_seq_cst);
		memcpy(window->place, from, HUGEPAGE_BYTES);
		atomic_signal_fence(memory_order_seq_cst);
		done = true;
	}
	escape = NULL;
	return done;
}

bool
hugepage_is_due(struct hugepage_pace *pace)
{
	unsigned int left = atomic_load_explicit(&pace->leave_out, memory_order_relaxed);

	while (left > 0)
	{
		if (atomic_compare_exchange_weak(&pace->leave_out, &left, left - 1))
			return false;
	}
	return true;
}

uint64_t
hugepage_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

void
hugepage_took(struct hugepage_pace *pace, uint64_t time, bool good)
{
	uint64_t limit = max_u64(SLOW_NS, atomic_load(&pace->ordinary));
	unsigned int next;

	if (good && time <= limit)
	{
		atomic_store(&pace->slow, 0);
		return;
	}
	if (atomic_fetch_add(&pace->slow, 1) + 1 < MAX_SLOW)
		return;
	/* One slow one is enough the next time. */
	next = atomic_load(&pace->next_leave_out);
	next = next == 0 ? FIRST_LEAVE_OUT : next;
	atomic_store(&pace->leave_out, next);
	atomic_store(&pace->next_leave_out, next < MOST_LEAVE_OUT ? next * 2 : next);
}

void
hugepage_ordinary_took(struct hugepage_pace *pace, uint64_t time)
{
	atomic_store(&pace->ordinary, time);
}
