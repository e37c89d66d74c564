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
