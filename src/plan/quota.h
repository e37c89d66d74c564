/*
 * quota.h
 *		oVirt's quota (ovirt-clone.md, "Quota"): what a clone takes of each quota's storage, against
 *		limit, threshold and grace; and which audit rows that gives.
 */
#ifndef VMCLONE_QUOTA_H
#define VMCLONE_QUOTA_H

#include "base/audit.h"
#include "plan/plan.h"

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
	QUOTA_ROW_MISSING, /* the quota doesn't exist, or none was named and the pool has no default */
	QUOTA_NOT_VALID,   /* it belongs to another data center, or has no limits */
	QUOTA_NO_DOMAIN_LIMIT, /* it has limits for other domains only */
	QUOTA_EXCEEDED,        /* above limit and grace */
} QuotaVerdict;

/* A quota that the clone names, as its rows say. */
typedef struct QuotaFacts
{
	pg_uuid_t quota_id;
	char *name; /* NULL: there is no such quota */
	bool in_pool;
	bool limits_storage; /* has a limit for storage, global or specific */
	bool limits_cluster; /* has one for processors and memory */
	bool limits_mixed;   /* a global limit and specific ones of the same kind */
	bool has_global;
	int64 global_limit_gb; /* -1: unlimited */
	int threshold_percent;
	int grace_percent;
} QuotaFacts;

/* What a call takes of one limit: of a quota as a whole, or of its limit for one domain. */
typedef struct QuotaDemand
{
	const QuotaFacts *quota; /* NULL: none was named */
	bool has_domain;         /* the limit is for one domain */
	pg_uuid_t storage_domain_id;
	int64 limit_gb;        /* -1: unlimited */
	int64 used_bytes;      /* of images mapped with that quota; 0 where nothing depends on it */
	int64 requested_bytes; /* virtual size, all copies */
	QuotaVerdict verdict;
} QuotaDemand;

typedef struct QuotaState
{
	QuotaFacts *quotas;
	int quota_count;
	const QuotaFacts *vm_quota; /* the VM's own, for processors and memory; NULL: none */
	bool vm_quota_named;        /* vm_static.quota_id is set */
	QuotaDemand *demands;       /* after quota_evaluate */
	int demand_count;
	List *events; /* QuotaEvent *, of the last quota_evaluate */
} QuotaState;

/*
 * Rows of all quotas that the clone names; reads them once for each plan.  In an inventory frame.
 */
extern QuotaState *quota_load(const ClonePlan *plan);

/* True if a quota that the plan names has no row: its checks must refuse before a foreign key does. */
extern bool quota_some_missing(const ClonePlan *plan);

/*
 * For plan_load: with SOFT enforcement a disk whose quota is gone is made without one (and audited,
 * type 3013), as the column is a foreign key.
 */
extern void quota_settle(ClonePlan *plan);

/*
 * Counts anew, by the current snapshot; after locks_take_counted nobody else counts meanwhile.
 * In an inventory frame.  With enforcement DISABLED there are no demands.
 */
extern const QuotaState *quota_evaluate(const ClonePlan *plan);

/* Audit rows of the last evaluation (QuotaEvent *), for command.c after success. */
extern List *quota_events(const ClonePlan *plan);

/*
 * GiB that the disk's quota has left before its limit, of the last evaluation; false: unlimited,
 * or not enforced.
 */
extern bool quota_left(const ClonePlan *plan, const PlannedDisk *disk, double *left_gb);

#endif
