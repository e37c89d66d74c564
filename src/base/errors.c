/*
 * errors.c
 *		How a refused call is raised: the first failure is the error, the others are its DETAIL.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/errors.h"

const char *
message_excerpt(const char *text)
{
	int length = strlen(text);
	int kept;

	if (length <= MESSAGE_EXCERPT_LENGTH)
		return text;
	kept = pg_mbcliplen(text, length, MESSAGE_EXCERPT_LENGTH);
	return psprintf("%.*s...", kept, text);
}

int
errkey(const char *key)
{
	return err_generic_string(PG_DIAG_CONSTRAINT_NAME, key);
}

static void
append_reason(StringInfo detail, const Refusal *refusal, bool with_message)
{
	if (detail->len > 0)
		appendStringInfoChar(detail, '\n');
	appendStringInfoString(detail, refusal->key);
	if (with_message)
		appendStringInfo(detail, ": %s.", refusal->message);
	if (refusal->detail)
		appendStringInfo(detail, "%s%s", with_message ? "  " : ": ", refusal->detail);
}

void
refusals_raise(List *refusals)
{
	const Refusal *first = NULL;
	StringInfoData detail;
	ListCell *cell;

	initStringInfo(&detail);
	foreach (cell, refusals)
	{
		const Refusal *refusal = lfirst(cell);

		if (refusal->severity != SEVERITY_ERROR)
			continue;
		append_reason(&detail, refusal, first != NULL);
		if (first == NULL)
			first = refusal;
	}
	if (first)
		ereport(ERROR,
				(errcode(first->sqlstate), errmsg("%s", first->message), errkey(first->key),
				 errdetail("%s", detail.data), first->hint ? errhint("%s", first->hint) : 0));

	foreach (cell, refusals)
	{
		const Refusal *refusal = lfirst(cell);

		resetStringInfo(&detail);
		append_reason(&detail, refusal, false);
		ereport(WARNING,
				(errcode(refusal->sqlstate), errmsg("%s", refusal->message), errkey(refusal->key),
				 errdetail("%s", detail.data), refusal->hint ? errhint("%s", refusal->hint) : 0));
	}
}
