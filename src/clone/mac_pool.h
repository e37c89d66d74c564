/*
 * mac_pool.h
 *		MAC addresses of a cluster's pool.
 */
#ifndef VMCLONE_MAC_POOL_H
#define VMCLONE_MAC_POOL_H

#include "postgres.h"

#include "plan/plan.h"

#define MAC_TEXT_LENGTH            17
#define MAC_POOL_REMAINING_WARNING 10 /* oVirt's RemainingMacsInPoolWarningThreshold */

/*
 * Free addresses of the plan's pool that are not in the excluded list, counted up to limit: enough to
 * know whether a call can be served, at a cost that doesn't grow with the pool.  In an inventory frame.
 */
extern int mac_pool_count_free(const ClonePlan *plan, int limit, char *const *excluded,
							   int excluded_count);

/*
 * Takes count addresses of the plan's pool and returns them in ascending order (lower case,
 * xx:xx:xx:xx:xx:xx).  Ranges are scanned on from the address that was given last; addresses that a
 * vm_interface has, or that are in the excluded list, are passed over, unless the pool allows
 * duplicates (then only the excluded ones are).  *remaining: free addresses left after this, counted
 * up to MAC_POOL_REMAINING_WARNING + 1.  ERRCODE_VC_NETWORK (MAC_POOL_NOT_ENOUGH_MAC_ADDRESSES) if
 * there are too few.  In an inventory frame, after locks_take_counted.
 */
extern char **mac_pool_allocate(const ClonePlan *plan, int count, char *const *excluded,
								int excluded_count, int *remaining);

#endif
