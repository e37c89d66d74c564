/*
 * state_moves.c
 *		For 069_state_table.pl: the table's own checks, which a sound worker never makes fail, as SQL functions.
 */
#include "base/uuid.c"

#include "base/arrays.c"
#include "state/state_table.c"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(move_job);
PG_FUNCTION_INFO_V1(begin_job);
PG_FUNCTION_INFO_V1(begin_task);

/* move_job(from, to, mover): an error if the mover must not. */
Datum
move_job(PG_FUNCTION_ARGS)
{
	pg_uuid_t id = {{0}};

	job_check_move(&id, job_status_of_word(text_to_cstring(PG_GETARG_TEXT_PP(0))),
				   job_status_of_word(text_to_cstring(PG_GETARG_TEXT_PP(1))), PG_GETARG_INT32(2));
	PG_RETURN_VOID();
}

Datum
begin_job(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(
		cstring_to_text(job_first_word(job_status_of_word(text_to_cstring(PG_GETARG_TEXT_PP(0))))));
}

Datum
begin_task(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(task_first_word(PG_GETARG_INT32(0))));
}
