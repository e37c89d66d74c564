--
-- What is wrong and what to do: every part is asked.  Each function below answers for one part with a row for each check; an error
-- in one of them is a finding, too, and the others answer all the same.
--

CREATE FUNCTION vmclone_internal.doctor_server()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH worker AS MATERIALIZED (SELECT w.pid, w.preloaded, w.identity, w.jobs_live, w.activity FROM vmclone.worker w),
    setting AS (SELECT s.name, s.setting FROM pg_settings s)
    SELECT 'library', current_setting('dynamic_library_path'), 'ok', format('library and extension are version %s', vmclone.library_version()), NULL
    UNION ALL
    SELECT 'preload', 'shared_preload_libraries', CASE WHEN w.preloaded THEN 'ok' ELSE 'note' END,
        CASE WHEN w.preloaded THEN 'preloaded: a launcher keeps a worker in each database' ELSE 'not preloaded: calls start the worker, which leaves when it has nothing to do' END,
        CASE WHEN NOT w.preloaded THEN 'Add vmclone to shared_preload_libraries and restart, so that jobs go on by themselves after a restart and DROP DATABASE is refused while they do.' END
    FROM worker w
    UNION ALL
    SELECT 'worker', current_database(), CASE WHEN w.pid IS NOT NULL THEN 'ok' WHEN w.preloaded OR w.jobs_live > 0 THEN 'error' ELSE 'ok' END,
        CASE WHEN w.pid IS NOT NULL THEN format('process %s of this version: %s', w.pid, w.activity)
             WHEN w.jobs_live > 0 THEN format('no worker runs, and %s jobs are not over', w.jobs_live)
             WHEN w.preloaded THEN 'the launcher has started none' ELSE 'none runs; the next call starts one' END,
        CASE WHEN w.pid IS NULL AND (w.preloaded OR w.jobs_live > 0)
             THEN format('SELECT vmclone.start_worker(); if that fails, look into the server''s log and raise max_worker_processes, which is %s.', current_setting('max_worker_processes')) END
    FROM worker w
    UNION ALL
    SELECT 'identity', current_database(), CASE WHEN w.identity = ANY ('{own,none}') THEN 'ok' WHEN w.jobs_live > 0 THEN 'error' ELSE 'warning' END,
        CASE w.identity WHEN 'own' THEN 'the jobs are this database''s' WHEN 'none' THEN 'no domain has been attached, and no job made yet'
             ELSE format('the rows came from another one: %s', w.identity) END,
        CASE WHEN w.identity <> ALL ('{own,none}') AND w.jobs_live > 0
             THEN 'SELECT vmclone.adopt(''resume'') if the original is gone for good, else vmclone.adopt(''abandon''); then attach the domains again.'
             WHEN w.identity <> ALL ('{own,none}') THEN 'Attach the storage domains: vmclone.attach_storage_domain(id, path, take_over => true).' END
    FROM worker w
    UNION ALL
    SELECT 'setting', f.name, f.state, f.finding, f.advice
    FROM (
        SELECT 'max_worker_processes' AS name, CASE WHEN s.setting::integer < 4 THEN 'warning' ELSE 'ok' END AS state, s.setting AS finding,
            CASE WHEN s.setting::integer < 4 THEN 'Raise it: the launcher takes one, each database''s worker another, beside parallel query and replication.' END AS advice
        FROM setting s WHERE s.name = 'max_worker_processes'
        UNION ALL
        SELECT s.name, CASE s.setting WHEN '' THEN 'warning' ELSE 'ok' END, CASE s.setting WHEN '' THEN 'empty: no storage domain can be attached' ELSE s.setting END,
            CASE s.setting WHEN '' THEN 'ALTER SYSTEM SET vmclone.storage_roots = ''/directory/above/the/domains''; SELECT pg_reload_conf();' END
        FROM setting s WHERE s.name = 'vmclone.storage_roots'
        UNION ALL
        -- PostgreSQL warns of these in its log only, and goes on with what was set before
        SELECT s.name, 'warning', format('"%s" of %s, line %s, does not hold: %s', s.setting, s.sourcefile, s.sourceline, s.error),
            'Give it a value between min_val and max_val, or of enumvals, of view pg_settings, and reload.'
        FROM pg_file_settings s WHERE starts_with(s.name, 'vmclone.') AND NOT s.applied AND s.error IS NOT NULL
        UNION ALL
        SELECT s.name, 'warning', 'off: after a crash of the machine, rows may be older than files', 'Switch fsync on where the clones matter.'
        FROM setting s WHERE s.name = 'fsync' AND s.setting = 'off'
        UNION ALL
        SELECT s.name, 'warning', format('%s s: slow storage counts as none', s.setting), 'Set vmclone.storage_timeout to 30 s, unless the storage is local.'
        FROM setting s WHERE s.name = 'vmclone.storage_timeout' AND s.setting::integer < 5
        UNION ALL
        SELECT s.name, 'warning', '0: a job fails at once where storage is full or away', 'Set vmclone.wait_limit to the time in which somebody can mend it.'
        FROM setting s WHERE s.name = 'vmclone.wait_limit' AND s.setting = '0'
        UNION ALL
        SELECT s.name, 'warning', '1: a copier that is killed once fails its job', 'Set vmclone.max_attempts to 3 or more.'
        FROM setting s WHERE s.name = 'vmclone.max_attempts' AND s.setting = '1'
        UNION ALL
        SELECT s.name, 'note', 'on: a promoted standby goes on with the jobs by itself', 'Leave vmclone.resume_on_promotion on only where the old primary is fenced.'
        FROM setting s WHERE s.name = 'vmclone.resume_on_promotion' AND s.setting = 'on'
        UNION ALL
        SELECT s.name, 'note', 'off: view worker can''t say what the worker does', 'Switch track_activities on.'
        FROM setting s WHERE s.name = 'track_activities' AND s.setting = 'off') f
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_server() IS 'doctor: library, worker, identity, settings';

CREATE FUNCTION vmclone_internal.doctor_copier()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'copier', COALESCE(NULLIF(current_setting('vmclone.copy_program'), ''), 'vmclone-copy beside the server''s programs'),
        CASE WHEN NOT (c.answer ->> 'ok')::boolean OR v.differs THEN 'error' WHEN NOT (c.answer ->> 'sandbox')::boolean THEN 'warning' ELSE 'ok' END,
        CASE WHEN NOT (c.answer ->> 'ok')::boolean THEN c.answer ->> 'message'
             WHEN v.differs THEN format('it is version %s, the library %s', c.answer ->> 'version', vmclone.library_version())
             WHEN NOT (c.answer ->> 'sandbox')::boolean THEN format('version %s, built without its sandbox', c.answer ->> 'version')
             ELSE format('version %s; its sandbox closes', c.answer ->> 'version') END,
        CASE WHEN NOT (c.answer ->> 'ok')::boolean THEN COALESCE(c.answer ->> 'hint', 'Run "vmclone-copy volume self" as the server''s user; the kernel has to allow seccomp filters.')
             WHEN v.differs THEN 'Install both from the same version; see vmclone.copy_program.'
             WHEN NOT (c.answer ->> 'sandbox')::boolean THEN 'Build it with its sandbox: images are written by guests.' END
    FROM (SELECT vmclone_internal.probe_copier(NULL) AS answer) c
    CROSS JOIN LATERAL (SELECT COALESCE(c.answer ->> 'version' <> vmclone.library_version(), false) AS differs) v
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_copier() IS 'doctor: vmclone-copy is there, of this version, and can sandbox itself';

CREATE FUNCTION vmclone_internal.doctor_storage()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place text;
    domain record;
    answer jsonb;
    may_write boolean := NOT pg_is_in_recovery() AND vmclone_internal.identity_state() = ANY ('{own,none}');
BEGIN
    -- one child for each: a server that doesn't answer keeps nothing of the others
    FOREACH place IN ARRAY string_to_array(current_setting('vmclone.storage_roots'), ':') LOOP
        item := 'storage root';
        subject := place;
        BEGIN
            answer := vmclone_internal.probe_copier(place);
            state := CASE WHEN (answer ->> 'ok')::boolean THEN 'ok' ELSE 'warning' END;
            finding := COALESCE(answer ->> 'message', 'can be entered');
            advice := CASE WHEN NOT (answer ->> 'ok')::boolean THEN 'Mount or make the directory, let the server''s user enter it, or take it out of vmclone.storage_roots.' END;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS finding = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
            state := 'error';
        END;
        RETURN NEXT;
    END LOOP;
    FOR domain IN
        SELECT s.storage_domain_id, s.storage_domain, s.host_name, s.kind, s.status, s.mount_path, s.attached, s.total_bytes, s.available_bytes, s.blocked_below_gb,
            s.warning_below_percent, s.type
        FROM vmclone.storage s ORDER BY s.storage_domain, s.storage_domain_id, s.host_name
    LOOP
        item := 'storage domain';
        subject := domain.storage_domain || CASE WHEN domain.host_name <> 'local' THEN format(' on host %s', domain.host_name) ELSE '' END;
        CONTINUE WHEN domain.mount_path IS NULL AND domain.type = ANY ('{ISO,Export,Image,Unknown}');
        IF domain.mount_path IS NULL OR domain.attached = 'not attached' THEN
            state := 'note';
            finding := 'not attached: no clone can read from it or go there';
            advice := format('SELECT vmclone.attach_storage_domain(%L, %s), if its virtual machines are to be cloned.', domain.storage_domain_id,
                CASE domain.kind WHEN 'block' THEN '''/dev/GROUP''' ELSE '''/its/directory''' END);
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF NOT may_write THEN
            state := 'note';
            finding := 'not tried: this server is a standby, or a copy of the database that attached it';
            advice := CASE WHEN NOT pg_is_in_recovery() THEN format('SELECT vmclone.attach_storage_domain(%L, %L, take_over => true, host => %L), if it is this database''s now.',
                domain.storage_domain_id, domain.mount_path, domain.host_name) END;
            RETURN NEXT;
            CONTINUE;
        END IF;
        BEGIN
            answer := vmclone_internal.probe_storage_domain(domain.storage_domain_id, domain.host_name);
            state := CASE WHEN (answer ->> 'ok')::boolean THEN 'ok' ELSE 'error' END;
            advice := CASE WHEN state = 'error' THEN COALESCE(answer ->> 'hint', 'Check the mount; then vmclone.check_storage_domain, or attach it again.') END;
            -- of a block domain the facts are in the provisioning program's answer
            answer := COALESCE(answer -> 'answer', answer);
            finding := CASE WHEN state = 'error' THEN format('%s: %s', domain.mount_path, answer ->> 'message')
                WHEN domain.kind = 'block' THEN format('%s answers', domain.mount_path)
                ELSE format('%s on %s: writable, owner and mode are right; %s, %s', domain.mount_path, answer ->> 'filesystem',
                    CASE WHEN (answer ->> 'reflink')::boolean THEN 'shares blocks (reflink)' ELSE 'no reflink' END,
                    CASE WHEN (answer ->> 'direct_io')::boolean THEN 'direct I/O' ELSE 'no direct I/O' END) END;
            RETURN NEXT;
            IF state = 'ok' THEN
                domain.total_bytes := COALESCE((answer ->> 'total_bytes')::bigint, domain.total_bytes);
                domain.available_bytes := COALESCE((answer ->> 'available_bytes')::bigint, domain.available_bytes);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS finding = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
            state := 'error';
            RETURN NEXT;
        END;
        item := 'space';
        finding := format('%s of %s free', pg_size_pretty(domain.available_bytes), pg_size_pretty(domain.total_bytes));
        state := CASE WHEN domain.available_bytes < COALESCE(domain.blocked_below_gb, 0) * 1073741824::numeric THEN 'error'
            WHEN domain.available_bytes < domain.total_bytes / 100.0 * COALESCE(domain.warning_below_percent, 5) THEN 'warning' ELSE 'ok' END;
        advice := CASE WHEN state <> 'ok' THEN 'Make room or another domain: jobs that find none wait, for vmclone.wait_limit.' END;
        CONTINUE WHEN domain.available_bytes IS NULL;
        RETURN NEXT;
        item := 'domain status';
        finding := format('%s in the inventory', domain.status);
        state := 'warning';
        advice := 'Activate it: calls that read or write there are refused, and jobs wait.';
        CONTINUE WHEN domain.status = 'Active';
        RETURN NEXT;
    END LOOP;
    RETURN QUERY
        SELECT 'files given up', s.storage_domain, 'warning', format('%s paths in vmclone.orphan_files', count(*)),
            format('SELECT * FROM vmclone.check_storage_domain(%L, repair => true) removes what is still there and forgets the rest.', o.storage_domain_id)
        FROM vmclone.orphan_files o JOIN vmclone.storage s USING (storage_domain_id)
        GROUP BY o.storage_domain_id, s.storage_domain ORDER BY 2;
END
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_storage() IS 'doctor: roots and domains, tried out, with their space';

CREATE FUNCTION vmclone_internal.doctor_hosts()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'copy host', h.host_name, CASE h.state WHEN 'up' THEN 'ok' WHEN 'down' THEN 'error' ELSE 'note' END,
        concat_ws(': ', h.state, COALESCE(h.error, 'its copier is version ' || h.copier_version)),
        CASE h.state WHEN 'down' THEN format('See SELECT * FROM vmclone.check_copy_host(%L); it is asked again by itself.', h.host_name)
            WHEN 'draining' THEN format('SELECT vmclone.drain_copy_host(%L, false) gives it copies again.', h.host_name)
            WHEN 'unchecked' THEN format('SELECT * FROM vmclone.check_copy_host(%L) asks it at once.', h.host_name) END
    FROM vmclone.copy_hosts h WHERE h.address IS NOT NULL OR h.state = 'draining'
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_hosts() IS 'doctor: hosts that copies run on';

CREATE FUNCTION vmclone_internal.doctor_inventory()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH report AS MATERIALIZED (SELECT r.* FROM vmclone.inventory_report() r WHERE r.severity = ANY ('{error,warning}'))
    SELECT 'inventory', i.schema_name::text, CASE WHEN EXISTS (SELECT FROM report WHERE severity = 'error') THEN 'error' ELSE 'ok' END,
        format('schema %s, owned by %s, is bound', i.schema_name, i.owner), CASE WHEN EXISTS (SELECT FROM report) THEN 'See the findings below.' END
    FROM vmclone_internal.current_inventory() i
    UNION ALL
    SELECT 'inventory', concat_ws('.', r.relation, r.object), r.severity, r.finding, r.advice FROM report r
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_inventory() IS 'doctor: the inventory is bound and sound';

CREATE FUNCTION vmclone_internal.doctor_rights()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    -- by what each kind has that no other has; the dump of an older version gives only the rights that it knew
    WITH holder AS (
        SELECT r.rolname, k.kind
        FROM (VALUES ('attach_storage_domain', 'admin'), ('add_vm_from_snapshot', 'operator'), ('can_add_vm_from_snapshot', 'viewer')) AS k (mark, kind)
        JOIN pg_proc p ON p.pronamespace = 'vmclone'::regnamespace AND p.proname = k.mark
        CROSS JOIN LATERAL aclexplode(p.proacl) a
        JOIN pg_roles r ON r.oid = a.grantee
        WHERE a.grantee <> p.proowner AND NOT r.rolsuper
    ), missing AS (
        SELECT h.rolname, string_agg(DISTINCT p.proname::text, ', ' ORDER BY p.proname::text) AS functions
        FROM holder h
        -- what a kind alone has (see_all_jobs and its like) makes the kind, and lacks nobody
        JOIN vmclone_internal.role_rights() g ON g.kind = h.kind AND g.object_type = 'routine' AND g.object_name <> ALL ('{see_all_jobs,act_for_any_user,administer}')
        JOIN pg_proc p ON p.proname = g.object_name AND p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace)
        WHERE NOT has_function_privilege(h.rolname, p.oid, 'EXECUTE')
        GROUP BY h.rolname)
    SELECT 'rights', m.rolname::text, 'warning', format('lacks EXECUTE on %s', m.functions),
        'Call grant_admin, grant_engine, grant_operator or grant_viewer for the role again, as after the restore of an older version''s dump.'
    FROM missing m
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_rights() IS 'doctor: roles that have only some of the rights of their kind';

CREATE FUNCTION vmclone_internal.doctor_jobs()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH live AS MATERIALIZED (
        SELECT j.job_id, j.vm_name, j.status, j.reason, j.advice, j.cleaning_error, j.created_at, j.owner_is_gone
        FROM vmclone.jobs_view j WHERE j.status <> ALL ('{succeeded,failed,cancelled}')
    ), trouble AS (
        SELECT l.*, row_number() OVER (ORDER BY l.created_at, l.job_id) AS number, count(*) OVER () AS troubles
        FROM live l
        WHERE l.status = ANY ('{waiting,held,cleaning}') OR l.advice IS NOT NULL OR l.owner_is_gone OR (l.status = 'queued' AND l.created_at < now() - interval '1 hour')
    )
    SELECT 'jobs', current_database()::text, 'ok', format('%s are under way', (SELECT count(*) FROM live)), NULL
    UNION ALL
    SELECT 'job', format('%s (%s)', t.vm_name, t.job_id), CASE WHEN t.status = ANY ('{held,cleaning}') OR t.advice IS NOT NULL THEN 'error' ELSE 'warning' END,
        concat_ws(': ', t.status, COALESCE(t.cleaning_error, t.reason), CASE WHEN t.owner_is_gone THEN 'its role has been dropped' END),
        COALESCE(t.advice, CASE t.status
            WHEN 'waiting' THEN 'Mend what the reason says; it goes on by itself, at once with vmclone.retry_job. vmclone.cancel_job gives up.'
            WHEN 'held' THEN 'Look at what it has left; then vmclone.retry_job or vmclone.cancel_job.'
            WHEN 'cleaning' THEN 'It is tried again by itself; vmclone.abandon_cleaning gives the files up.'
            WHEN 'queued' THEN 'Others are before it: raise vmclone.max_parallel_copies, or its priority by vmclone.alter_job.'
            ELSE 'vmclone.cancel_job ends it.' END)
    FROM trouble t WHERE t.number <= 100
    UNION ALL
    SELECT 'job', format('%s more', t.troubles - 100), 'warning', 'as above', 'View vmclone.jobs_view has them all.' FROM trouble t WHERE t.number = 101
    UNION ALL
    SELECT 'lock', l.entity_id::text, 'warning', format('%s held by a job that is over, or gone', l.kind), format('SELECT vmclone.unlock_entity(%L, %L);', l.kind, l.entity_id)
    FROM vmclone.locks l
    GROUP BY l.kind, l.entity_id
    HAVING bool_and(l.job_id IS NULL OR l.job_status = ANY ('{succeeded,failed,cancelled}'))
    UNION ALL
    SELECT 'history', current_database()::text, CASE WHEN h.old > 10000 THEN 'note' ELSE 'ok' END,
        format('%s jobs ended more than 90 days ago', h.old),
        CASE WHEN h.old > 10000 THEN 'CALL vmclone.purge_history(interval ''90 days''), or set vmclone.history_retention; lineage keeps who cloned what.' END
    FROM (SELECT count(*) AS old FROM vmclone.jobs j WHERE j.ended_at < now() - interval '90 days') h
$$;
COMMENT ON FUNCTION vmclone_internal.doctor_jobs() IS 'doctor: jobs that wait or stall, locks without a job, old history';

CREATE FUNCTION vmclone.doctor()
RETURNS TABLE (item text, subject text, state text, finding text, advice text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part text;
BEGIN
    PERFORM vmclone_internal.require_administrator('look at everything');
    FOREACH part IN ARRAY '{server,copier,hosts,storage,inventory,rights,jobs}'::text[] LOOP
        BEGIN
            RETURN QUERY EXECUTE format('SELECT * FROM vmclone_internal.%I()', 'doctor_' || part);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS finding = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
            item := part;
            subject := NULL;
            state := 'error';
            RETURN NEXT;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION vmclone.doctor() IS 'looks at everything that vmclone needs: a row for each check with its state (ok, note, warning, error), what was found and what to do. Tries out each attached storage domain; administrators only';

REVOKE ALL ON FUNCTION vmclone_internal.doctor_server(), vmclone_internal.doctor_copier(), vmclone_internal.doctor_hosts(), vmclone_internal.doctor_storage(),
    vmclone_internal.doctor_inventory(), vmclone_internal.doctor_rights(), vmclone_internal.doctor_jobs(), vmclone.doctor() FROM PUBLIC;
