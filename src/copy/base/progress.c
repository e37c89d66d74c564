/*
 * progress.c
 *		What is shown while a copy runs.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "contract/copier_protocol.h"
#include "copy/base/json.h"
#include "copy/base/progress.h"
#include "copy/base/report.h"
#include "copy/base/throttle.h"

#define SHOW_INTERVAL UINT64_C(250000000) /* ns */
#define ROOM_WAIT_MS  100
#define USUAL_WIDTH   80
#define MAX_WIDTH     ((size_t) 250)
#define BAR_ENDS      "[]"
#define MIN_BAR       ((size_t) 5)
#define MAX_BAR       ((size_t) 60)

static pthread_mutex_t show_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct json event; /* the one being written, under the mutex */

/* A reader that is gone is found out by its end of our stdin; what can't be said is left out. */
static void
print_event(void)
{
	json_close(&event, '}');
	(void) json_print(&event, true);
}

void
progress_start(struct progress *progress, enum progress_style style, const atomic_bool *stop)
{
	memset(progress, 0, sizeof(*progress));
	progress->style = style;
	progress->stop = stop;
	progress->started = monotonic_now();
	progress->rate_time = progress->started;
	atomic_store(&progress->phase, COPIER_PHASE_MAP);
	progress->terminal = isatty(STDERR_FILENO) == 1;
}

/* A pipe that nobody reads has no room: whoever writes to it waits, and hears no cancel meanwhile. */
static bool
has_room(const struct progress *progress, int wait_ms)
{
	struct pollfd fd = {.fd = progress->style == PROGRESS_JSON ? STDOUT_FILENO : STDERR_FILENO,
						.events = POLLOUT};

	/* what can't be asked, or is broken, is found out by writing */
	return poll(&fd, 1, wait_ms) != 0;
}

bool
progress_wait_for_room(const struct progress *progress)
{
	while (!has_room(progress, ROOM_WAIT_MS))
	{
		if (progress->stop != NULL && atomic_load(progress->stop))
			return false;
	}
	return true;
}

void
progress_start_at(struct progress *progress, uint64_t bytes)
{
	progress->done_before = bytes;
	atomic_store(&progress->bytes_done, bytes);
	atomic_store(&progress->checkpoint, bytes);
}

static void
update_rate(struct progress *progress, uint64_t now, uint64_t done)
{
	double seconds = (double) (now - progress->rate_time) / 1e9;
	double rate;

	if (seconds < 0.1)
		return;
	rate = done >= progress->rate_done ? (double) (done - progress->rate_done) / seconds : 0;
	/* Half-life of about a second, so that a paused copy soon shows no rate. */
	progress->rate = progress->rate == 0 ? rate : progress->rate * 0.8 + rate * 0.2;
	if (progress->rate < 1)
		progress->rate = 0;
	progress->rate_time = now;
	progress->rate_done = done;
}

/* "0:07", "1:02:03" */
static void
format_time(char *text, size_t size, double seconds)
{
	/* beyond a month it is no estimate */
	uint64_t whole = seconds < 2678400 ? (uint64_t) (seconds + 0.5) : 0;

	if (seconds >= 2678400)
		snprintf(text, size, "--:--");
	else if (whole < 3600)
		snprintf(text, size, "%" PRIu64 ":%02" PRIu64, whole / 60, whole % 60);
	else
		snprintf(text, size, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, whole / 3600, whole / 60 % 60,
				 whole % 60);
}

/* What a line can say beside the bar, each as wide as it will ever be, so that nothing jumps. */
struct bar_texts
{
	char phase[12];
	char percent[12];
	char amount[48];
	char rate[24];
	char time[32];
};

/* " 42.0%", "  420.0 of 1000.0 MiB", "   100.0 MiB/s", "  ETA 0:06". */
static void
format_texts(const struct progress *progress, uint64_t now, uint64_t done, uint64_t total,
			 struct bar_texts *texts)
{
	static const char *const units[] = {"MiB", "GiB", "TiB", "PiB"};
	double unit = (double) MIB;
	double rate = progress->rate;
	double percent = progress->ended ? 100 : 0;
	char clock[24] = "--:--";
	char whole[16];
	int which = 0;

	while (which < 3 && (double) total / unit >= 10000)
	{
		unit *= 1024;
		which++;
	}
	if (total > 0)
		percent = 100.0 * (double) done / (double) total;
	if (progress->ended)
	{
		double seconds = (double) (now - progress->started) / 1e9;

		rate = done > progress->done_before && seconds > 0
				   ? (double) (done - progress->done_before) / seconds
				   : 0;
		format_time(clock, sizeof(clock), seconds);
	}
	else if (rate > 0 && total >= done)
		format_time(clock, sizeof(clock), (double) (total - done) / rate);
	snprintf(texts->phase, sizeof(texts->phase), "%-6s ",
			 progress->ended ? "done" : (const char *) atomic_load(&progress->phase));
	snprintf(texts->percent, sizeof(texts->percent), " %5.1f%%", percent);
	snprintf(whole, sizeof(whole), "%.1f", (double) total / unit);
	snprintf(texts->amount, sizeof(texts->amount), "  %*.1f of %s %s", (int) strlen(whole),
			 (double) done / unit, whole, units[which]);
	snprintf(texts->rate, sizeof(texts->rate), "  %7.1f MiB/s", rate / (double) MIB);
	if (atomic_load(&progress->paused) && !progress->ended)
		snprintf(texts->time, sizeof(texts->time), "  %-11s", "paused");
	else
		snprintf(texts->time, sizeof(texts->time), "  %s %-*s", progress->ended ? "in" : "ETA",
				 progress->ended ? 8 : 7, clock);
}

/* Columns of the terminal; what isn't told is the usual. */
static size_t
terminal_width(void)
{
	struct winsize window;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
		return USUAL_WIDTH;
	return window.ws_col;
}

/*
 * What a line says, most first: the first of these that leaves room for a bar, or without one the first that
 * fits.  Nothing is cut in its middle.
 */
static void
choose_texts(const struct bar_texts *texts, size_t width, char *line, size_t size, size_t *bar)
{
	const char *const choices[][4] = {{texts->percent, texts->amount, texts->rate, texts->time},
									  {texts->percent, texts->amount, texts->time, NULL},
									  {texts->percent, texts->time, NULL, NULL},
									  {texts->percent, NULL, NULL, NULL}};
	const size_t count = sizeof(choices) / sizeof(choices[0]);

	for (size_t i = 0; i < 2 * count; i++)
	{
		size_t least = i < count ? strlen(BAR_ENDS) + MIN_BAR : 0;
		size_t length = strlen(texts->phase);

		line[0] = '\0';
		for (size_t j = 0; j < 4 && choices[i % count][j] != NULL; j++)
			snprintf(line + strlen(line), size - strlen(line), "%s", choices[i % count][j]);
		length += strlen(line);
		if (length + least > width)
			continue;
		*bar = least == 0 ? 0 : min_u64(width - length - strlen(BAR_ENDS), MAX_BAR);
		return;
	}
	/* the phase alone */
	line[0] = '\0';
	*bar = 0;
}

/* One line, never longer than the terminal is wide. */
static void
show_bar(struct progress *progress, uint64_t now, uint64_t done, uint64_t total)
{
	size_t width = progress->terminal ? terminal_width() : USUAL_WIDTH;
	struct bar_texts texts;
	char said[128];
	char line[MAX_WIDTH + 1];
	size_t bar;
	size_t length;
	int blanks;

	/* the last column stays free: some terminals begin a new line there */
	width = min_u64(width > 0 ? width - 1 : 0, MAX_WIDTH);
	format_texts(progress, now, done, total, &texts);
	choose_texts(&texts, width, said, sizeof(said), &bar);
	snprintf(line, sizeof(line), "%s", texts.phase);
	length = strlen(line);
	if (bar > 0)
	{
		double part = total > 0 ? (double) done / (double) total : progress->ended ? 1 : 0;
		size_t filled = (size_t) (part * (double) bar);

		line[length++] = BAR_ENDS[0];
		for (size_t i = 0; i < bar; i++)
			line[length++] = i < filled ? '#' : '.';
		line[length++] = BAR_ENDS[1];
	}
	snprintf(line + length, sizeof(line) - length, "%s", said);
	line[width] = '\0';
	for (length = strlen(line); length > 0 && line[length - 1] == ' '; length--)
		line[length - 1] = '\0';
	/* blanks over what an earlier, longer line has left; a log wants none */
	blanks = progress->terminal && progress->drawn > length
				 ? (int) (min_u64(progress->drawn, width) - min_u64(length, width))
				 : 0;
	progress->drawn = length;
	fprintf(stderr, "%s%s%*s", progress->terminal ? "\r" : "", line, blanks, "");
	fflush(stderr);
}

/* "done" and "total" are of the phase: bytes to copy, or guest bytes to compare. */
static void
print_progress(const struct progress *progress, uint64_t done, uint64_t total)
{
	json_open_event(&event, COPIER_EVENT_PROGRESS);
	json_string(&event, COPIER_FIELD_PHASE, atomic_load(&progress->phase));
	json_integer(&event, COPIER_FIELD_BYTES_DONE, atomic_load(&progress->bytes_done));
	json_integer(&event, COPIER_FIELD_BYTES_TOTAL, atomic_load(&progress->bytes_total));
	if (atomic_load(&progress->to_verify) != 0)
	{
		json_integer(&event, COPIER_FIELD_VERIFIED, done);
		json_integer(&event, COPIER_FIELD_TO_VERIFY, total);
	}
	json_decimal(&event, COPIER_FIELD_RATE, progress->rate, 0);
	if (progress->rate > 0 && total >= done)
		json_decimal(&event, COPIER_FIELD_ETA, (double) (total - done) / progress->rate, 1);
	else
		json_null(&event, COPIER_FIELD_ETA);
	json_bool(&event, COPIER_FIELD_PAUSED, atomic_load(&progress->paused));
	json_integer(&event, COPIER_FIELD_CHECKPOINT, atomic_load(&progress->checkpoint));
	print_event();
}

void
progress_show(struct progress *progress, bool force)
{
	uint64_t now = monotonic_now();
	uint64_t done = atomic_load(&progress->bytes_done);
	uint64_t total = atomic_load(&progress->bytes_total);

	if (progress->style == PROGRESS_NONE)
		return;
	if (progress->style == PROGRESS_BAR && !progress->terminal)
		return;
	/* reading back is work of its own, with its own rate and time left */
	if (atomic_load(&progress->to_verify) != 0)
	{
		done = atomic_load(&progress->verified);
		total = atomic_load(&progress->to_verify);
	}
	if (!has_room(progress, 0))
		return;
	/* the thread that has the lock may wait for a reader although there was room: only a forced line waits for it */
	if (force)
		pthread_mutex_lock(&show_mutex);
	else if (pthread_mutex_trylock(&show_mutex) != 0)
		return;
	if (!progress->ended && (force || now - progress->shown >= SHOW_INTERVAL))
	{
		progress->shown = now;
		update_rate(progress, now, done);
		if (progress->style == PROGRESS_BAR)
			show_bar(progress, now, done, total);
		else
			print_progress(progress, done, total);
	}
	pthread_mutex_unlock(&show_mutex);
}

void
progress_phase(struct progress *progress, const char *phase)
{
	atomic_store(&progress->phase, phase);
	if (strcmp(phase, COPIER_PHASE_DATA) == 0 || strcmp(phase, COPIER_PHASE_VERIFY) == 0)
	{
		/* what came before says nothing about it */
		pthread_mutex_lock(&show_mutex);
		progress->rate_time = monotonic_now();
		progress->rate_done = *phase == 'v' ? 0 : atomic_load(&progress->bytes_done);
		progress->rate = 0;
		pthread_mutex_unlock(&show_mutex);
	}
	if (progress->style == PROGRESS_JSON && progress_wait_for_room(progress))
	{
		pthread_mutex_lock(&show_mutex);
		json_open_event(&event, COPIER_EVENT_PHASE);
		json_string(&event, COPIER_FIELD_PHASE, phase);
		print_event();
		pthread_mutex_unlock(&show_mutex);
	}
}

void
progress_plan(struct progress *progress, uint64_t virtual_size, uint64_t output_size,
			  const char *method, const char *reason)
{
	if (progress->style != PROGRESS_JSON || !progress_wait_for_room(progress))
		return;
	pthread_mutex_lock(&show_mutex);
	json_open_event(&event, COPIER_EVENT_PLAN);
	json_integer(&event, COPIER_FIELD_VIRTUAL_SIZE, virtual_size);
	json_integer(&event, COPIER_FIELD_OUTPUT_SIZE, output_size);
	json_integer(&event, COPIER_FIELD_BYTES_TOTAL, atomic_load(&progress->bytes_total));
	json_string(&event, COPIER_FIELD_METHOD, method);
	json_string(&event, COPIER_FIELD_REASON, reason);
	print_event();
	pthread_mutex_unlock(&show_mutex);
}

void
progress_notice(struct progress *progress, int layer, const char *path, const char *message)
{
	if (progress->style != PROGRESS_JSON)
	{
		if (progress->style == PROGRESS_BAR && progress->shown != 0)
			fputc('\n', stderr);
		report_say("layer %d \"%s\": %s", layer, path, message);
		return;
	}
	if (!progress_wait_for_room(progress))
		return;
	pthread_mutex_lock(&show_mutex);
	json_open_event(&event, COPIER_EVENT_NOTICE);
	json_integer(&event, COPIER_FIELD_LAYER, (uint64_t) layer);
	json_string(&event, COPIER_FIELD_PATH, path);
	json_string(&event, COPIER_FIELD_MESSAGE, message);
	print_event();
	pthread_mutex_unlock(&show_mutex);
}

/* The work is done: a bar's last line. */
static void
complete_bar(struct progress *progress)
{
	if (progress->style != PROGRESS_BAR || !progress_wait_for_room(progress))
		return;
	pthread_mutex_lock(&show_mutex);
	if (!progress->ended)
	{
		progress->ended = true;
		show_bar(progress, monotonic_now(), atomic_load(&progress->bytes_done),
				 atomic_load(&progress->bytes_total));
		fputc('\n', stderr);
	}
	pthread_mutex_unlock(&show_mutex);
}

void
progress_done(struct progress *progress, uint64_t bytes_again, uint64_t output_size,
			  uint64_t allocated, const char *method, const char *reason)
{
	double elapsed = (double) (monotonic_now() - progress->started) / 1e9;

	complete_bar(progress);
	if (progress->style != PROGRESS_JSON || !progress_wait_for_room(progress))
		return;
	pthread_mutex_lock(&show_mutex);
	json_open_event(&event, COPIER_EVENT_DONE);
	json_integer(&event, COPIER_FIELD_BYTES_DONE, atomic_load(&progress->bytes_done));
	json_integer(&event, COPIER_FIELD_BYTES_AGAIN, bytes_again);
	json_integer(&event, COPIER_FIELD_OUTPUT_SIZE, output_size);
	json_integer(&event, COPIER_FIELD_ALLOCATED, allocated);
	json_string(&event, COPIER_FIELD_METHOD, method);
	json_string(&event, COPIER_FIELD_REASON, reason);
	json_decimal(&event, COPIER_FIELD_ELAPSED, elapsed, 3);
	print_event();
	pthread_mutex_unlock(&show_mutex);
}

void
progress_verified(struct progress *progress)
{
	double elapsed = (double) (monotonic_now() - progress->started) / 1e9;

	complete_bar(progress);
	if (progress->style != PROGRESS_JSON || !progress_wait_for_room(progress))
		return;
	pthread_mutex_lock(&show_mutex);
	json_open_event(&event, COPIER_EVENT_DONE);
	json_integer(&event, COPIER_FIELD_BYTES_DONE, atomic_load(&progress->bytes_done));
	json_decimal(&event, COPIER_FIELD_ELAPSED, elapsed, 3);
	print_event();
	pthread_mutex_unlock(&show_mutex);
}

void
progress_end_line(struct progress *progress)
{
	pthread_mutex_lock(&show_mutex);
	if (progress->style == PROGRESS_BAR && progress->shown != 0 && !progress->ended &&
		progress_wait_for_room(progress))
		fputc('\n', stderr);
	progress->ended = true;
	pthread_mutex_unlock(&show_mutex);
}
