/*
 * lineage.h
 *		Who was cloned from what, when, by whom and with which parameters; survives the source.
 */
#ifndef VMCLONE_LINEAGE_H
#define VMCLONE_LINEAGE_H

#include "base/caller.h"
#include "clone/clone.h"

/*
 * One row of vmclone.lineage for each copy, in one statement; enters the extension's own frame.
 * record is what clone_write returned.
 */
extern void lineage_write(const ClonePlan *plan, const CloneCopy *copies, int copy_count,
						  const CloneRecord *record, const Caller *caller);

#endif
