-- Inventory: quotas.

CREATE TABLE quota (
    id uuid CONSTRAINT pk_quota PRIMARY KEY,
    storage_pool_id uuid NOT NULL CONSTRAINT fk_quota_pool REFERENCES storage_pool (id) ON DELETE CASCADE,
    quota_name varchar(65) NOT NULL,
    description varchar(500) NOT NULL DEFAULT '',
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    threshold_cluster_percentage integer DEFAULT 80,
    threshold_storage_percentage integer DEFAULT 80,
    grace_cluster_percentage integer DEFAULT 20,
    grace_storage_percentage integer DEFAULT 20,
    is_default boolean DEFAULT false,
    CONSTRAINT quota_name_once UNIQUE (storage_pool_id, quota_name),
    CONSTRAINT quota_percentages_not_negative CHECK (threshold_cluster_percentage >= 0 AND threshold_storage_percentage >= 0
        AND grace_cluster_percentage >= 0 AND grace_storage_percentage >= 0)
);
CREATE UNIQUE INDEX idx_quota_one_default ON quota (storage_pool_id) WHERE is_default;

COMMENT ON TABLE quota IS 'An allowance of storage, memory and CPUs in a data center';
COMMENT ON COLUMN quota.threshold_storage_percentage IS 'Warn when more than this share of the limit is used';
COMMENT ON COLUMN quota.grace_storage_percentage IS 'Allow this much above the limit, with a warning';
COMMENT ON COLUMN quota.is_default IS 'The one that counts where no quota is named; one in a data center';
COMMENT ON COLUMN quota.id IS 'Primary key';
COMMENT ON COLUMN quota.storage_pool_id IS 'Data center';
COMMENT ON COLUMN quota.quota_name IS 'Unique name';
COMMENT ON COLUMN quota.description IS 'Text for people';
COMMENT ON COLUMN quota._create_date IS 'When the row was made';
COMMENT ON COLUMN quota._update_date IS 'When the row was last changed';
COMMENT ON COLUMN quota.threshold_cluster_percentage IS 'Percent of CPUs and memory from which there is a warning';
COMMENT ON COLUMN quota.grace_cluster_percentage IS 'Percent beyond the limit that are let through with a warning';

CREATE TABLE quota_limitation (
    id uuid CONSTRAINT pk_quota_limitation PRIMARY KEY,
    quota_id uuid NOT NULL CONSTRAINT fk_quota_limitation_quota REFERENCES quota (id) ON DELETE CASCADE,
    storage_id uuid CONSTRAINT fk_quota_limitation_domain REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    cluster_id uuid CONSTRAINT fk_quota_limitation_cluster REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    virtual_cpu integer,
    mem_size_mb bigint,
    storage_size_gb bigint,
    CONSTRAINT quota_limitation_one_scope CHECK (storage_id IS NULL OR cluster_id IS NULL),
    CONSTRAINT quota_limitation_values CHECK (virtual_cpu >= -1 AND mem_size_mb >= -1 AND storage_size_gb >= -1)
);
CREATE INDEX idx_quota_limitation_quota_id ON quota_limitation (quota_id);
CREATE INDEX idx_quota_limitation_storage_id ON quota_limitation (storage_id);
CREATE INDEX idx_quota_limitation_cluster_id ON quota_limitation (cluster_id);

COMMENT ON TABLE quota_limitation IS 'A limit of a quota: for one storage domain, for one cluster, or (both NULL) for all';
COMMENT ON COLUMN quota_limitation.virtual_cpu IS 'Virtual CPUs; -1 unlimited, NULL not limited by this row';
COMMENT ON COLUMN quota_limitation.mem_size_mb IS 'MiB; -1 unlimited, NULL not limited by this row';
COMMENT ON COLUMN quota_limitation.storage_size_gb IS 'GiB; -1 unlimited, NULL not limited by this row';
COMMENT ON COLUMN quota_limitation.id IS 'Primary key';
COMMENT ON COLUMN quota_limitation.quota_id IS 'Quota';
COMMENT ON COLUMN quota_limitation.storage_id IS 'Storage domain that is limited; NULL with cluster_id NULL too: all of the data center''s';
COMMENT ON COLUMN quota_limitation.cluster_id IS 'Cluster that is limited';

SELECT pg_catalog.pg_extension_config_dump('quota', '');
SELECT pg_catalog.pg_extension_config_dump('quota_limitation', '');

REVOKE ALL ON quota, quota_limitation FROM PUBLIC;

