/*
 * state_table.c
 *		The states of jobs and tasks, and who may move which from where to where.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "base/arrays.h"
#include "base/uuid.h"
#include "state/state_table.h"
#include "utils/array.h"
#include "utils/builtins.h"

typedef struct Move
{
	StateSet from;
	int to;
	Mover mover;
} Move;

static const char *const job_words[] = {
	[JOB_QUEUED] = "queued",     [JOB_RUNNING] = "running",
	[JOB_PAUSED] = "paused",     [JOB_WAITING] = "waiting",
	[JOB_HELD] = "held",         [JOB_FINISHING] = "finishing",
	[JOB_FAILING] = "failing",   [JOB_CANCELLING] = "cancelling",
	[JOB_CLEANING] = "cleaning", [JOB_SUCCEEDED] = "succeeded",
	[JOB_FAILED] = "failed",     [JOB_CANCELLED] = "cancelled",
};

static const char *const task_words[] = {
	[TASK_INIT] = "init",         [TASK_RUNNING] = "running",   [TASK_FINISHED] = "finished",
	[TASK_ABORTING] = "aborting", [TASK_CLEANING] = "cleaning",
};

/* FROM1 to FROM8: a set of so many states. */
#define FROM1(a)                      STATE_BIT(a)
#define FROM2(a, b)                   (FROM1(a) | FROM1(b))
#define FROM3(a, b, c)                (FROM2(a, b) | FROM1(c))
#define FROM4(a, b, c, d)             (FROM3(a, b, c) | FROM1(d))
#define FROM6(a, b, c, d, e, f)       (FROM4(a, b, c, d) | FROM2(e, f))
#define FROM8(a, b, c, d, e, f, g, h) (FROM6(a, b, c, d, e, f) | FROM2(g, h))
#define FROM_NOTHING                  0

/* clang-format off */
static const Move job_moves[] = {
	{FROM_NOTHING, JOB_QUEUED, MOVER_CALL},
	{FROM_NOTHING, JOB_PAUSED, MOVER_CALL},
	{FROM_NOTHING, JOB_SUCCEEDED, MOVER_CALL},
	{FROM2(JOB_QUEUED, JOB_WAITING), JOB_RUNNING, MOVER_WORKER},
	{FROM3(JOB_QUEUED, JOB_RUNNING, JOB_WAITING), JOB_PAUSED, MOVER_WORKER},
	{FROM1(JOB_PAUSED), JOB_RUNNING, MOVER_WORKER},
	{FROM1(JOB_PAUSED), JOB_QUEUED, MOVER_WORKER},
	{FROM2(JOB_QUEUED, JOB_RUNNING), JOB_WAITING, MOVER_WORKER},
	{FROM1(JOB_HELD), JOB_WAITING, MOVER_RETRY_JOB},
	{FROM6(JOB_QUEUED, JOB_RUNNING, JOB_WAITING, JOB_PAUSED, JOB_HELD, JOB_FINISHING), JOB_FAILING, MOVER_WORKER},
	{FROM6(JOB_QUEUED, JOB_RUNNING, JOB_WAITING, JOB_PAUSED, JOB_HELD, JOB_FINISHING), JOB_CANCELLING, MOVER_WORKER},
	{FROM4(JOB_QUEUED, JOB_RUNNING, JOB_WAITING, JOB_PAUSED), JOB_HELD, MOVER_WORKER},
	{FROM1(JOB_FINISHING), JOB_HELD, MOVER_WORKER},
	{FROM3(JOB_QUEUED, JOB_RUNNING, JOB_WAITING), JOB_FINISHING, MOVER_WORKER},
	{FROM1(JOB_FINISHING), JOB_SUCCEEDED, MOVER_WORKER},
	{FROM2(JOB_FAILING, JOB_CANCELLING), JOB_CLEANING, MOVER_WORKER},
	{FROM1(JOB_CLEANING), JOB_FAILED, MOVER_WORKER},
	{FROM1(JOB_CLEANING), JOB_CANCELLED, MOVER_WORKER},
	{FROM8(JOB_QUEUED, JOB_RUNNING, JOB_PAUSED, JOB_WAITING, JOB_HELD, JOB_FINISHING, JOB_FAILING, JOB_CANCELLING), JOB_CLEANING, MOVER_ADOPT},
};

static const Move task_moves[] = {
	{FROM_NOTHING, TASK_INIT, MOVER_CALL},
	{FROM1(TASK_INIT), TASK_RUNNING, MOVER_WORKER},
	{FROM1(TASK_RUNNING), TASK_INIT, MOVER_WORKER},
	{FROM1(TASK_RUNNING), TASK_ABORTING, MOVER_WORKER},
	{FROM3(TASK_INIT, TASK_RUNNING, TASK_CLEANING), TASK_FINISHED, MOVER_WORKER},
	{FROM4(TASK_INIT, TASK_RUNNING, TASK_ABORTING, TASK_FINISHED), TASK_CLEANING, MOVER_WORKER},
	{FROM1(TASK_FINISHED), TASK_INIT, MOVER_RETRY_JOB},
	{FROM1(TASK_CLEANING), TASK_FINISHED, MOVER_ABANDON_CLEANING},
	{FROM4(TASK_INIT, TASK_RUNNING, TASK_ABORTING, TASK_CLEANING), TASK_FINISHED, MOVER_ADOPT},
};
/* clang-format on */

const char *
job_status_word(JobStatus status)
{
	return job_words[status];
}

JobStatus
job_status_of_word(const char *word)
{
	for (int i = 0; i < lengthof(job_words); i++)
		if (strcmp(word, job_words[i]) == 0)
			return i;
	elog(ERROR, "\"%s\" is no state of a job", word);
}

const char *
task_status_word(TaskStatus status)
{
	return task_words[status];
}

static StateSet
sources(const Move *moves, int count, int to, Mover mover)
{
	StateSet set = 0;

	for (int i = 0; i < count; i++)
		if (moves[i].to == to && moves[i].mover == mover)
			set |= moves[i].from;
	return set;
}

StateSet
job_sources(JobStatus to, Mover mover)
{
	return sources(job_moves, lengthof(job_moves), to, mover);
}

StateSet
task_sources(TaskStatus to, Mover mover)
{
	return sources(task_moves, lengthof(task_moves), to, mover);
}

void
job_check_move(const pg_uuid_t *job_id, JobStatus from, JobStatus to, Mover mover)
{
	if (!state_in(from, job_sources(to, mover)))
		elog(ERROR, "job %s must not go from %s to %s", uuid_text(job_id), job_words[from],
			 job_words[to]);
}

/* Raises an error unless the table has a row that leads from nothing to the state. */
static void
check_first(const Move *moves, int count, int to, const char *what, const char *word)
{
	for (int i = 0; i < count; i++)
		if (moves[i].from == FROM_NOTHING && moves[i].to == to && moves[i].mover == MOVER_CALL)
			return;
	elog(ERROR, "a %s must not begin as %s", what, word);
}

const char *
job_first_word(JobStatus status)
{
	check_first(job_moves, lengthof(job_moves), status, "job", job_words[status]);
	return job_words[status];
}

const char *
task_first_word(TaskStatus status)
{
	check_first(task_moves, lengthof(task_moves), status, "task", task_words[status]);
	return task_words[status];
}

static Datum
words_array(StateSet set, const char *const *words, int word_count)
{
	Datum *elements = palloc(sizeof(Datum) * word_count);
	int count = 0;

	for (int i = 0; i < word_count; i++)
		if (state_in(i, set))
			elements[count++] = CStringGetTextDatum(words[i]);
	return array_of_datums(elements, count, TEXTOID);
}

Datum
job_status_array(StateSet set)
{
	return words_array(set, job_words, lengthof(job_words));
}

Datum
task_status_array(StateSet set)
{
	return words_array(set, task_words, lengthof(task_words));
}
