/*
 * kept_descriptors.h
 *		What tables' rows are read by, kept for the session.
 */
#ifndef VMCLONE_KEPT_DESCRIPTORS_H
#define VMCLONE_KEPT_DESCRIPTORS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/relcache.h"

/*
 * A copy of the table's descriptor, without constraints and defaults, that lasts to the end of the transaction at least,
 * whatever becomes of the table; not to be changed.
 */
extern TupleDesc kept_descriptor(Relation relation);

#endif
