/*
 * progress.c
 *		What is shown while a copy runs.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "progress.h"
#include "report.h"
#include "throttle.h"

#define SHOW_INTERVAL UINT64_C(250000000) /* ns */
#define BAR_WIDTH     30

static pthread_mutex_t show_mutex = PTHREAD_MUTEX_INITIALIZER;

void
progress_start(struct progress *progress, enum progress_style style)
{
	memset(progress, 0, sizeof(*progress));
	progress->style = style;
	progress->started = monotonic_now();
	progress->rate_time = progress->started;
	atomic_store(&progress->phase, "map");
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

static void
show_bar(const struct progress *progress, uint64_t done, uint64_t total)
{
	int filled = total > 0 ? (int) (done * BAR_WIDTH / total) : BAR_WIDTH;

	if (total > UINT64_MAX / BAR_WIDTH)
		filled = (int) (done / (total / BAR_WIDTH));
	fprintf(stderr, "\r%-6s [", atomic_load(&progress->phase));
	for (int i = 0; i < BAR_WIDTH; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fprintf(stderr, "] %5.1f%%  %7.1f of %.1f MiB  %7.1f MiB/s",
			total > 0 ? 100.0 * (double) done / (double) total : 100.0, (double) done / MIB,
			(double) total / MIB, progress->rate / MIB);
	if (atomic_load(&progress->paused))
		fputs("  paused      ", stderr);
	else if (progress->rate > 0 && total >= done)
		fprintf(stderr, "  ETA %5.0f s ", (double) (total - done) / progress->rate);
	else
		fputs("              ", stderr);
	fflush(stderr);
}

void
progress_show(struct progress *progress, bool force)
{
	uint64_t now = monotonic_now();
	uint64_t done = atomic_load(&progress->bytes_done);
	uint64_t total = atomic_load(&progress->bytes_total);

	if (progress->style == PROGRESS_NONE)
		return;
	pthread_mutex_lock(&show_mutex);
	if (force || now - progress->shown >= SHOW_INTERVAL)
	{
		progress->shown = now;
		update_rate(progress, now, done);
		if (progress->style == PROGRESS_BAR)
			show_bar(progress, done, total);
		else
		{
			printf("{\"event\":\"progress\",\"phase\":\"%s\",\"bytes_done\":%" PRIu64
				   ",\"bytes_total\":%" PRIu64 ",\"rate\":%.0f,\"eta\":",
				   atomic_load(&progress->phase), done, total, progress->rate);
			if (progress->rate > 0 && total >= done)
				printf("%.1f", (double) (total - done) / progress->rate);
			else
				fputs("null", stdout);
			printf(",\"paused\":%s,\"checkpoint\":%" PRIu64 "}\n",
				   atomic_load(&progress->paused) ? "true" : "false",
				   (uint64_t) atomic_load(&progress->checkpoint));
			fflush(stdout);
		}
	}
	pthread_mutex_unlock(&show_mutex);
}

void
progress_phase(struct progress *progress, const char *phase)
{
	atomic_store(&progress->phase, phase);
	if (progress->style == PROGRESS_JSON)
	{
		pthread_mutex_lock(&show_mutex);
		printf("{\"event\":\"phase\",\"phase\":\"%s\"}\n", phase);
		fflush(stdout);
		pthread_mutex_unlock(&show_mutex);
	}
}

void
progress_plan(struct progress *progress, uint64_t virtual_size, uint64_t output_size,
			  const char *method, const char *reason)
{
	if (progress->style != PROGRESS_JSON)
		return;
	pthread_mutex_lock(&show_mutex);
	printf("{\"event\":\"plan\",\"virtual_size\":%" PRIu64 ",\"output_size\":%" PRIu64
		   ",\"bytes_total\":%" PRIu64 ",\"method\":\"%s\",\"reason\":",
		   virtual_size, output_size, (uint64_t) atomic_load(&progress->bytes_total), method);
	report_print_json_string(reason);
	fputs("}\n", stdout);
	fflush(stdout);
	pthread_mutex_unlock(&show_mutex);
}

void
progress_notice(struct progress *progress, int layer, const char *path, const char *message)
{
	if (progress->style != PROGRESS_JSON)
	{
		fprintf(stderr, "vmclone-copy: layer %d \"%s\": %s\n", layer, path, message);
		return;
	}
	pthread_mutex_lock(&show_mutex);
	printf("{\"event\":\"notice\",\"layer\":%d,\"path\":", layer);
	report_print_json_string(path);
	fputs(",\"message\":", stdout);
	report_print_json_string(message);
	fputs("}\n", stdout);
	fflush(stdout);
	pthread_mutex_unlock(&show_mutex);
}

void
progress_done(struct progress *progress, uint64_t bytes_again, uint64_t output_size,
			  uint64_t allocated, const char *method, const char *reason)
{
	double elapsed = (double) (monotonic_now() - progress->started) / 1e9;

	progress_end_line(progress);
	if (progress->style != PROGRESS_JSON)
		return;
	pthread_mutex_lock(&show_mutex);
	printf("{\"event\":\"done\",\"bytes_done\":%" PRIu64 ",\"bytes_again\":%" PRIu64
		   ",\"output_size\":%" PRIu64 ",\"allocated\":%" PRIu64 ",\"method\":\"%s\",\"reason\":",
		   (uint64_t) atomic_load(&progress->bytes_done), bytes_again, output_size, allocated,
		   method);
	report_print_json_string(reason);
	printf(",\"elapsed\":%.3f}\n", elapsed);
	fflush(stdout);
	pthread_mutex_unlock(&show_mutex);
}

void
progress_end_line(struct progress *progress)
{
	if (progress->style == PROGRESS_BAR && progress->shown != 0)
	{
		progress_show(progress, true);
		fputc('\n', stderr);
		progress->shown = 0;
	}
}
