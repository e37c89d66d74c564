-- The inventory's own tables against an engine's (test/engine/columns.csv): every column of both has the same type, width, NOT
-- NULL and default, or stands below with the reason why it hasn't.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();
CREATE TEMP TABLE engine_columns (table_name name, position integer, column_name name, data_type text, not_null boolean, column_default text);
\copy engine_columns FROM test/engine/columns.csv CSV HEADER

CREATE TEMP VIEW own_columns AS
SELECT c.relname AS table_name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS data_type, a.attnotnull AS not_null,
    pg_get_expr(d.adbin, d.adrelid) AS column_default
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE c.relnamespace = 'vmclone'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    -- the name is the engine's, the table is vmclone's own
    AND c.relname <> 'async_tasks';

-- written in more than one way: now, the epoch's seconds, nothing
CREATE FUNCTION pg_temp.plain(column_default text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN $1 ~ 'epoch' THEN 'epoch' WHEN $1 ~ '^(now\(\)|\(''now''::text\).*)$' THEN 'now' WHEN $1 ~ '^NULL::' THEN NULL
        ELSE regexp_replace($1, 'vmclone\.|::character varying|::regclass', '', 'g') END
$$;
CREATE TEMP VIEW differences AS
SELECT v.kind, format('%s.%s: %s (%s)', o.table_name, o.column_name, v.own, v.engine) AS difference
FROM own_columns o JOIN engine_columns e USING (table_name, column_name)
CROSS JOIN LATERAL (VALUES ('type', o.data_type, e.data_type),
    ('null', CASE WHEN NOT o.not_null THEN 'may be null' END, CASE WHEN NOT e.not_null THEN 'may be null' END),
    ('default', pg_temp.plain(o.column_default), pg_temp.plain(e.column_default))) AS v (kind, own, engine)
WHERE v.own IS DISTINCT FROM v.engine;

SELECT bag_eq($$ SELECT difference FROM differences WHERE kind = 'type' $$,
    $$ VALUES
    -- version 1.0's widths, which may be in use; no clone writes these
    ('affinity_groups.name: character varying(255) (character varying(128))'),
    ('quota.description: character varying(500) (character varying(250))'),
    ('vdc_options.default_value: character varying(4000) (text)'),
    ('vdc_options.option_value: character varying(4000) (text)'),
    -- an audit row's is cut to the engine's 60 (base/audit.c), since a quota's own may have 65
    ('audit_log.quota_name: character varying(65) (character varying(60))'),
    -- a clone's is empty, or 0: it has never run
    ('vm_dynamic.hash: character varying(40) (character varying(30))'),
    ('vm_interface_statistics.rx_offset: bigint (numeric(20,0))'), ('vm_interface_statistics.rx_total: bigint (numeric(20,0))'),
    ('vm_interface_statistics.tx_offset: bigint (numeric(20,0))'), ('vm_interface_statistics.tx_total: bigint (numeric(20,0))'),
    ('vm_statistics.cpu_sys: numeric(18,3) (numeric(18,0))'), ('vm_statistics.cpu_user: numeric(18,3) (numeric(18,0))'),
    ('vm_statistics.elapsed_time: numeric(18,3) (numeric(18,0))') $$, 'types and widths');
SELECT bag_eq($$ SELECT difference FROM differences WHERE kind = 'null' $$,
    $$ VALUES
    -- of tables that no clone writes; version 1.0's may hold NULLs, for which nothing could stand
    ('cluster.mac_pool_id: may be null ()'), ('network.vdsm_name: may be null ()'), ('vdc_options.default_value: may be null ()') $$, 'NOT NULL');
SELECT bag_eq($$ SELECT difference FROM differences WHERE kind = 'default' $$,
    $$ VALUES
    -- the engine's are of its oldest databases
    ('cluster.compatibility_version: ''4.7'' (''2.2'')'), ('storage_pool.compatibility_version: ''4.7'' (''2.2'')'),
    -- what an engine's code gives, for people who write rows by hand
    ('images.it_guid: ''00000000-0000-0000-0000-000000000000''::uuid ()'), ('storage_pool.description: '''' ()'),
    ('storage_pool.master_domain_version: 0 ()'), ('vm_static.num_of_monitors: 1 ()'), ('vnic_profiles.port_mirroring: false ()') $$, 'defaults');

SELECT results_eq($$
    SELECT e.table_name, e.column_name FROM engine_columns e LEFT JOIN own_columns o USING (table_name, column_name)
    WHERE e.table_name IN (SELECT table_name FROM own_columns) AND o.column_name IS NULL ORDER BY 1, 2 $$,
    $$ VALUES ('affinity_group_members'::name, 'host_label_id'::name), ('affinity_group_members', 'vm_label_id'), ('users', 'user_and_domain'),
        ('vm_static', 'is_auto_suspend') $$, 'columns that only an engine has: none that must be given a value');

-- NULLs of older dumps
SET LOCAL search_path = vmclone, vmclone_absent, public;
SELECT results_eq($$ INSERT INTO users (user_id, domain, username, external_id, namespace, name, surname, department)
    VALUES (gen_random_uuid(), 'internal', 'null', '', '*', NULL, 'given', NULL) RETURNING name, surname, department $$,
    $$ VALUES (''::varchar, 'given'::varchar, ''::varchar) $$, 'NULL becomes the default, whatever the search_path, and nothing else changes');
SELECT throws_ok($$ INSERT INTO users (user_id, domain, username, external_id, namespace, name) VALUES (gen_random_uuid(), 'internal', NULL, '', '*', NULL) $$,
    '23502', NULL, 'a column without a default stays NOT NULL');
SELECT throws_ok($$ UPDATE users SET name = NULL WHERE username = 'null' $$, '23502', NULL, 'no update makes it NULL');
SELECT set_config('session_replication_role', 'replica', true);
SELECT results_eq($$ INSERT INTO base_disks (disk_id, disk_alias, disk_description) VALUES (gen_random_uuid(), 'restored', NULL) RETURNING disk_description $$,
    $$ VALUES (''::varchar) $$, '... in a restore and a subscription, too');
SELECT set_config('session_replication_role', 'origin', true);

-- what a clone writes isn't mended, as an engine's tables wouldn't
SELECT fixture.attach_domains(), fixture.make_vm('source');
CREATE FUNCTION public.unplug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.is_plugged := NULL; RETURN NEW; END $$;
CREATE TRIGGER a_users_own BEFORE INSERT ON vm_device FOR EACH ROW EXECUTE FUNCTION public.unplug();
SELECT throws_ok($$ SELECT add_vm_from_snapshot(fixture.snapshot('source', 1), 'unplugged') $$, '23502', NULL,
    'a NULL that a trigger puts into a row of a clone is refused');
SELECT results_eq($$ INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params)
    VALUES (gen_random_uuid(), fixture.vm('source'), 'rng', 'virtio', '', '{}') RETURNING is_plugged $$, 'VALUES (false)',
    'the same trigger, in a row of a person''s, after an error in a clone');
SELECT throws_ok('SET vmclone.inventory_frame = on', '55P02', NULL, 'nobody can say that he is a clone');

SELECT * FROM finish();
ROLLBACK;
