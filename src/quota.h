/*
 * quota.h
 *		oVirt's quota (reference §1.2 Q): what a clone takes of each quota's storage, against
 *		limit, threshold and grace; and which audit rows that gives.
 */
#ifndef VMCLONE_QUOTA_H
#define VMCLONE_QUOTA_H

#include "audit.h"
#include "plan.h"

#define QUOTA_DISABLED 0
#define QUOTA_SOFT     1
#define QUOTA_HARD     2

/* An audit row that is to be written if the call succeeds; a refused call writes none. */
typedef struct QuotaEvent
{
	AuditType type;
	pg_uuid_t quota_id;
	bool has_domain;
	pg_uuid_t storage_domain_id;
	const char *placeholders[7]; /* name, value …, NULL: as audit_write wants them */
} QuotaEvent;

typedef enum QuotaVerdict
{
	QUOTA_WITHIN,
	QUOTA_ROW_MISSING,     /* the quota doesn't exist */
	QUOTA_OTHER_POOL,      /* it belongs to another data center, or has no limits at all */
	QUOTA_LIMITS_MIXED,    /* a global and a specific storage limit */
	QUOTA_NO_DOMAIN_LIMIT, /* specific limits, none for this domain */
	QUOTA_EXCEEDED,        /* above limit and grace */
} QuotaVerdict;

/* What a call takes of one limit: of a quota as a whole, or of its limit for one domain. */
typedef struct QuotaDemand
{
	pg_uuid_t quota_id;
	char *quota_name; /* NULL: no such quota */
	bool has_domain;  /* the limit is for one domain */
	pg_uuid_t storage_domain_id;
	double limit_gb;     /* -1: unlimited */
	double used_gb;      /* images mapped with that quota */
	double requested_gb; /* virtual size, all copies */
	int threshold_percent;
	int grace_percent;
	QuotaVerdict verdict;
} QuotaDemand;

typedef struct QuotaState
{
	bool evaluated;
	QuotaDemand *demands;
	int demand_count;
	List *events; /* QuotaEvent * */
	/* the VM's own quota: processors and memory; nothing is consumed before the VM runs */
	bool vm_quota_given;
	pg_uuid_t vm_quota_id;
	QuotaVerdict vm_quota_verdict;
} QuotaState;

/*
 * Counts anew, by the current snapshot; after locks_take_counted nobody else counts meanwhile.
 * In an inventory frame.  With enforcement DISABLED there are no demands.
 */
extern const QuotaState *quota_evaluate(const ClonePlan *plan);

/* Audit rows of the last evaluation (QuotaEvent *), for command.c after success. */
extern List *quota_events(const ClonePlan *plan);

/* GiB that the disk's quota has left before its limit; false: unlimited or no quota. */
extern bool quota_left(const ClonePlan *plan, const PlannedDisk *disk, double *left_gb);

#endif
