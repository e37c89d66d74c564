-- Inventory: the audit log, and the engine's options.

CREATE SEQUENCE audit_log_seq;

CREATE TABLE audit_log (
    audit_log_id bigint NOT NULL DEFAULT nextval('audit_log_seq') CONSTRAINT pk_audit_log PRIMARY KEY,
    user_id uuid,
    user_name varchar(255) NOT NULL DEFAULT '',
    vm_id uuid,
    vm_name varchar(255) NOT NULL DEFAULT '',
    vm_template_id uuid,
    vm_template_name varchar(255) NOT NULL DEFAULT '',
    vds_id uuid,
    vds_name varchar(255) NOT NULL DEFAULT '',
    log_time timestamptz NOT NULL,
    log_type_name varchar(100) DEFAULT '',
    log_type integer NOT NULL,
    severity integer NOT NULL,
    message text NOT NULL,
    processed boolean NOT NULL DEFAULT false,
    storage_pool_id uuid,
    storage_pool_name varchar(40) NOT NULL DEFAULT '',
    storage_domain_id uuid,
    storage_domain_name varchar(250) NOT NULL DEFAULT '',
    cluster_id uuid,
    cluster_name varchar(255) NOT NULL DEFAULT '',
    correlation_id varchar(50),
    job_id uuid,
    quota_id uuid,
    quota_name varchar(65) NOT NULL DEFAULT '',
    gluster_volume_id uuid,
    gluster_volume_name varchar(1000) NOT NULL DEFAULT '',
    origin varchar(255) DEFAULT 'oVirt',
    custom_event_id integer DEFAULT -1,
    event_flood_in_sec integer DEFAULT 30,
    custom_data text DEFAULT '',
    deleted boolean DEFAULT false,
    call_stack text DEFAULT '',
    brick_id uuid,
    brick_path text DEFAULT '',
    custom_id varchar(255),
    CONSTRAINT audit_log_severity_code CHECK (severity = ANY ('{0,1,2,10}'))
);
ALTER SEQUENCE audit_log_seq OWNED BY audit_log.audit_log_id;
CREATE INDEX idx_audit_log_log_time ON audit_log (log_time);
CREATE INDEX idx_audit_log_vm_id ON audit_log (vm_id) WHERE vm_id IS NOT NULL;
CREATE INDEX idx_audit_log_job_id ON audit_log (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX idx_audit_correlation_id ON audit_log (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE UNIQUE INDEX audit_log_origin_custom_event_id_idx ON audit_log (origin, custom_event_id) WHERE origin NOT ILIKE 'ovirt';

COMMENT ON TABLE audit_log IS 'What happened, for people: one row for each event.  Names are kept beside ids because objects go away';
COMMENT ON SEQUENCE audit_log_seq IS 'Numbers of audit_log rows';
COMMENT ON COLUMN audit_log.severity IS '0 normal, 1 warning, 2 error, 10 alert';
COMMENT ON COLUMN audit_log.log_type IS 'Code of the event; log_type_name is its name';
COMMENT ON COLUMN audit_log.correlation_id IS 'The same in all events of one request';
COMMENT ON COLUMN audit_log.custom_event_id IS 'Number given by an outside origin, once for each; -1 for the engine''s own events';
COMMENT ON COLUMN audit_log.processed IS 'True: notifications have been sent';
COMMENT ON COLUMN audit_log.deleted IS 'True: a person has dismissed it';
COMMENT ON COLUMN audit_log.audit_log_id IS 'Primary key';
COMMENT ON COLUMN audit_log.user_id IS 'Engine user who did it';
COMMENT ON COLUMN audit_log.user_name IS 'The user''s name then, or the calling role';
COMMENT ON COLUMN audit_log.vm_id IS 'VM that it is about';
COMMENT ON COLUMN audit_log.vm_name IS 'The VM''s name then';
COMMENT ON COLUMN audit_log.vm_template_id IS 'Template that it is about';
COMMENT ON COLUMN audit_log.vm_template_name IS 'The template''s name then';
COMMENT ON COLUMN audit_log.vds_id IS 'Host that it is about';
COMMENT ON COLUMN audit_log.vds_name IS 'The host''s name then';
COMMENT ON COLUMN audit_log.log_time IS 'When';
COMMENT ON COLUMN audit_log.log_type_name IS 'The event''s name in the engine';
COMMENT ON COLUMN audit_log.message IS 'Text for people';
COMMENT ON COLUMN audit_log.storage_pool_id IS 'Data center';
COMMENT ON COLUMN audit_log.storage_pool_name IS 'The data center''s name then';
COMMENT ON COLUMN audit_log.storage_domain_id IS 'Storage domain';
COMMENT ON COLUMN audit_log.storage_domain_name IS 'The storage domain''s name then';
COMMENT ON COLUMN audit_log.cluster_id IS 'Cluster';
COMMENT ON COLUMN audit_log.cluster_name IS 'The cluster''s name then';
COMMENT ON COLUMN audit_log.job_id IS 'The engine''s job, or vmclone''s';
COMMENT ON COLUMN audit_log.quota_id IS 'Quota';
COMMENT ON COLUMN audit_log.quota_name IS 'The quota''s name then';
COMMENT ON COLUMN audit_log.gluster_volume_id IS 'Gluster volume';
COMMENT ON COLUMN audit_log.gluster_volume_name IS 'The volume''s name then';
COMMENT ON COLUMN audit_log.origin IS 'Who wrote the row: oVirt, or the system of an external event';
COMMENT ON COLUMN audit_log.event_flood_in_sec IS 'Seconds in which the same external event is taken once';
COMMENT ON COLUMN audit_log.custom_data IS 'External event: data of its system';
COMMENT ON COLUMN audit_log.call_stack IS 'Where the engine failed';
COMMENT ON COLUMN audit_log.brick_id IS 'Gluster brick';
COMMENT ON COLUMN audit_log.brick_path IS 'Path of the brick';
COMMENT ON COLUMN audit_log.custom_id IS 'External event: id in its system';

CREATE SEQUENCE vdc_options_seq AS integer;

CREATE TABLE vdc_options (
    option_id integer NOT NULL DEFAULT nextval('vdc_options_seq') CONSTRAINT pk_vdc_options PRIMARY KEY,
    option_name varchar(100) NOT NULL,
    option_value varchar(4000) NOT NULL,
    default_value varchar(4000),
    version varchar(40) NOT NULL DEFAULT 'general',
    CONSTRAINT vdc_options_once UNIQUE (option_name, version)
);
ALTER SEQUENCE vdc_options_seq OWNED BY vdc_options.option_id;

COMMENT ON TABLE vdc_options IS 'Settings of the engine; an option that is not there has its built-in value';
COMMENT ON SEQUENCE vdc_options_seq IS 'Numbers of vdc_options rows';
COMMENT ON COLUMN vdc_options.version IS 'Compatibility version that the value is for; general = all';
COMMENT ON COLUMN vdc_options.option_id IS 'Primary key';
COMMENT ON COLUMN vdc_options.option_name IS 'Name of the engine''s setting';
COMMENT ON COLUMN vdc_options.option_value IS 'Its value';
COMMENT ON COLUMN vdc_options.default_value IS 'Value that the release came with';

-- What oVirt has no type for is an external event of origin "vmclone".  Not a sequence of the inventory's: an engine's
-- database has none for it.
CREATE SEQUENCE external_event_seq AS integer CYCLE;
COMMENT ON SEQUENCE external_event_seq IS 'Numbers of the external events (audit_log.custom_event_id of origin vmclone)';
SELECT pg_catalog.pg_extension_config_dump('external_event_seq', '');
REVOKE ALL ON SEQUENCE external_event_seq FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('audit_log', '');
SELECT pg_catalog.pg_extension_config_dump('audit_log_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vdc_options', '');
SELECT pg_catalog.pg_extension_config_dump('vdc_options_seq', '');

REVOKE ALL ON audit_log, vdc_options FROM PUBLIC;
REVOKE ALL ON SEQUENCE audit_log_seq, vdc_options_seq FROM PUBLIC;

