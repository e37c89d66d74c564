/*
 * fuzz_control.c
 *		The input is what a copier hears on stdin while it runs, with a lease.
 *
 * Input: how many bytes come at a time, what its end means, then the bytes.  The second reader takes them line by line, with
 * sscanf().
 */
/* The lease's timers are libFuzzer's signal, and what is said of unknown lines would be all that is read of a run. */
#define lease_is_on fuzz_lease_is_on
#define lease_beat  fuzz_lease_beat
#define report_say  fuzz_report_say
#include "copy/base/control.c"

#include <fcntl.h>
#include <stdint.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static uint64_t last_beat; /* 0: none */

bool
lease_is_on(void)
{
	return true;
}

void
lease_beat(uint64_t clock)
{
	last_beat = clock;
}

void
report_say(const char *format, ...)
{
	(void) format;
}

struct heard
{
	bool cancelled;
	bool paused;
	uint64_t limit;
	uint64_t beat;
};

/* "WORD NUMBER" and nothing else, of what fits 64 bits. */
static bool
is_number_line(const char *line, const char *word, uint64_t *number)
{
	size_t length = strlen(word);
	const char *digits = line + length + 1;
	size_t count;

	if (strncmp(line, word, length) != 0 || line[length] != ' ')
		return false;
	count = strspn(digits, "0123456789");
	if (count == 0 || digits[count] != '\0')
		return false;
	digits += strspn(digits, "0");
	count = strlen(digits);
	if (count > 20 || (count == 20 && strcmp(digits, "18446744073709551615") > 0))
		return false;
	*number = 0;
	return *digits == '\0' || sscanf(digits, "%" SCNu64, number) == 1;
}

static void
hear(struct heard *heard, const uint8_t *from, size_t length)
{
	char line[LINE_BYTES];
	uint64_t number;

	if (length > COPIER_MAX_CONTROL)
		return;
	memcpy(line, from, length);
	line[length] = '\0';
	if (length > 0 && line[length - 1] == '\r')
		line[length - 1] = '\0';
	heard->cancelled |= strcmp(line, "cancel") == 0;
	if (strcmp(line, "pause") == 0 || strcmp(line, "resume") == 0)
		heard->paused = *line == 'p';
	if (is_number_line(line, "limit", &number))
		heard->limit = number;
	if (is_number_line(line, "beat", &number))
		heard->beat = number;
}

static void
hear_all(struct heard *heard, const uint8_t *bytes, size_t size, bool end_cancels)
{
	const uint8_t *end;

	while ((end = memchr(bytes, '\n', size)) != NULL)
	{
		hear(heard, bytes, (size_t) (end - bytes));
		size -= (size_t) (end - bytes) + 1;
		bytes = end + 1;
	}
	if (!end_cancels)
		hear(heard, bytes, size);
}

/* The bytes, "step" at a time: a pipe's reader gets no more than was written. */
static void
say(const uint8_t *bytes, size_t size, size_t step)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[0], STDIN_FILENO) != STDIN_FILENO)
		abort();
	close(ends[0]);
	for (size_t at = 0; at < size; at += step)
	{
		if (write(ends[1], bytes + at, min_u64(step, size - at)) < 0 || !read_commands())
			abort();
	}
	close(ends[1]);
	if (read_commands())
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct throttle throttle;
	static struct progress progress;
	struct heard heard = {0};
	bool is_step;

	if (size < 2)
		return 0;
	is_step = (input[1] & 2) != 0;
	control.end_cancels = (input[1] & 1) != 0;
	hear_all(&heard, input + 2, size - 2, control.end_cancels);
	/* a step would end this process */
	control.is_step = is_step && !heard.cancelled;
	control.throttle = &throttle;
	control.progress = &progress;
	memset(&own_input, 0, sizeof(own_input));
	memset(&kept, 0, sizeof(kept));
	throttle_start(&throttle, 0);
	progress_start(&progress, PROGRESS_NONE, NULL);
	report_reset();
	last_beat = 0;
	say(input + 2, size - 2, 1u + input[0] % 200);
	if (last_beat != heard.beat)
		abort();
	if (control.is_step)
	{
		if (kept.paused != heard.paused || (kept.has_limit ? kept.limit : 0) != heard.limit)
			abort();
	}
	else if (throttle.paused != heard.paused || throttle.limit != heard.limit ||
			 throttle_is_stopped(&throttle) != heard.cancelled ||
			 report_is_set() != heard.cancelled || atomic_load(&progress.paused) != heard.paused)
		abort();
	return 0;
}
