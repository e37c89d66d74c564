-- Version 1.0 wrote audit rows of types that no engine knows.
DO $$
DECLARE
    relation text := pg_catalog.format('%I.audit_log', COALESCE((SELECT schema_name FROM vmclone.inventory_choice), 'vmclone'));
BEGIN
    EXECUTE 'UPDATE ' || relation || ' SET custom_data = log_type_name, origin = ''vmclone'',
        custom_event_id = pg_catalog.nextval(''vmclone.external_event_seq''),
        log_type = CASE severity WHEN 10 /* ALERT */ THEN 9804 /* EXTERNAL_ALERT */ ELSE 9801 /* EXTERNAL_EVENT_NORMAL */ + severity END,
        log_type_name = CASE severity WHEN 0 THEN ''EXTERNAL_EVENT_NORMAL'' WHEN 1 THEN ''EXTERNAL_EVENT_WARNING''
            WHEN 2 THEN ''EXTERNAL_EVENT_ERROR'' ELSE ''EXTERNAL_ALERT'' END
        WHERE log_type BETWEEN 11000 AND 11006
            AND log_type_name = ANY (''{CLONE_FROM_PARTIAL_SNAPSHOT,SNAPSHOT_DISK_MISSING,CLONE_CANCELLED,CLONE_RETRIED,ENTITY_UNLOCKED,CLEANING_ABANDONED,JOBS_ADOPTED}'')';
END
$$;
-- The stand-in for a table that version 1.0 didn't know, as use_inventory.sql makes them all.
DO $$
DECLARE
    columns text := (SELECT pg_catalog.string_agg(pg_catalog.format('NULL::%s AS %I', pg_catalog.format_type(c.type, NULL), c.column_name), ', ' ORDER BY a.attnum)
        FROM vmclone.inventory_columns c
        JOIN pg_catalog.pg_attribute a ON a.attrelid = 'vmclone.engine_sessions'::pg_catalog.regclass AND a.attname = c.column_name
        WHERE c.relation = 'engine_sessions');
BEGIN
    EXECUTE pg_catalog.format('CREATE VIEW vmclone_absent.engine_sessions AS SELECT %s WHERE false', columns);
END
$$;
COMMENT ON VIEW vmclone_absent.engine_sessions IS 'Stands for a missing table';
CREATE RULE nothing_to_insert AS ON INSERT TO vmclone_absent.engine_sessions DO INSTEAD NOTHING;
CREATE RULE nothing_to_update AS ON UPDATE TO vmclone_absent.engine_sessions DO INSTEAD NOTHING;
CREATE RULE nothing_to_delete AS ON DELETE TO vmclone_absent.engine_sessions DO INSTEAD NOTHING;
REVOKE ALL ON vmclone_absent.engine_sessions FROM PUBLIC;
