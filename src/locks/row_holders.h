/*
 * row_holders.h
 *		Whose open transaction has locked a row, or may have.
 */
#ifndef VMCLONE_ROW_HOLDERS_H
#define VMCLONE_ROW_HOLDERS_H

#include "lib/stringinfo.h"
#include "storage/itemptr.h"

/*
 * Appends " by the open transaction of process 123", " by the prepared transaction "x"", or several,
 * for the version of the row that the caller's snapshot sees.  Returns false, and appends nothing,
 * if nobody has locked it any longer.  table_id and tid are the row's tableoid and ctid.
 */
extern bool append_row_holders(StringInfo text, Oid table_id, ItemPointer tid);

/*
 * "the prepared transactions "x", "y" have written there.", of those that have written to a table of
 * the extension's ("vmclone.reservations"); NULL if there are none.  They stay until somebody ends
 * them by name, and what they have inserted nobody else can see.
 */
extern const char *prepared_writers(const char *table);

#endif
