-- What cancel_job, pause_job, resume_job, retry_job and alter_job do in each state: the table of docs/jobs.md.
-- Each is tried on a job whose row says so, and taken back, so that no worker ever sees it.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\set ECHO all
\set ON_ERROR_STOP 0
SET client_min_messages = error;
\pset format unaligned
\pset tuples_only on
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('one')) v;
SELECT vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone', start_paused => true);

CREATE FUNCTION try(state text, what text, requested text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    job vmclone.jobs;
    after vmclone.jobs;
    jobs integer;
    result text;
    hint text;
BEGIN
    SELECT * INTO job FROM vmclone.jobs;
    BEGIN
        UPDATE vmclone.jobs SET status = try.state, requested = try.requested, priority = 0,
            ended_at = CASE WHEN try.state IN ('succeeded', 'failed', 'cancelled') THEN now() END;
        IF try.state IN ('failed', 'cancelled') THEN
            -- as cleaning leaves it
            PERFORM vmclone.unlock_entity('snapshot', fixture.snapshot('one', 1)), vmclone.unlock_entity('disk', fixture.disk('one', 1)), vmclone.unlock_entity('disk', fixture.disk('one', 2));
            DELETE FROM vmclone.vm_names;
            UPDATE vmclone.vm_static SET vm_name = 'cleaned' WHERE vm_name = 'clone';
        END IF;
        BEGIN
            EXECUTE format('SELECT count(*) FROM vmclone.%s', replace(what, 'job_id', quote_literal(job.job_id)));
            SELECT * INTO after FROM vmclone.jobs WHERE job_id = job.job_id;
            SELECT count(*) INTO jobs FROM vmclone.jobs;
            result := concat_ws(', ', CASE WHEN after.requested IS DISTINCT FROM try.requested THEN 'requested ' || coalesce(after.requested, 'nothing') END,
                CASE WHEN after.status <> try.state THEN 'now ' || after.status END, CASE WHEN after.priority <> 0 THEN 'priority ' || after.priority END,
                CASE WHEN jobs > 1 THEN 'a new job' END);
            IF result = '' THEN
                result := 'nothing to do';
            END IF;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
            result := format('%s %s (%s)', SQLSTATE, replace(SQLERRM, job.job_id::text, '<id>'), replace(hint, job.job_id::text, '<id>'));
        END;
        RAISE EXCEPTION 'back' USING ERRCODE = 'VCX00';
    EXCEPTION WHEN SQLSTATE 'VCX00' THEN
        NULL;
    END;
    RETURN result;
END
$$;

SELECT w AS what, s AS state, try(s, w) AS outcome
FROM unnest('{"pause_job(job_id)","resume_job(job_id)","cancel_job(job_id)","retry_job(job_id)","alter_job(job_id, priority => 7)"}'::text[]) WITH ORDINALITY f(w, wn),
    unnest('{queued,running,paused,waiting,held,finishing,failing,cancelling,cleaning,succeeded,failed,cancelled}'::text[]) WITH ORDINALITY t(s, sn)
ORDER BY wn, sn;
-- what was asked for before
SELECT try('running', 'resume_job(job_id)', 'pause'), try('paused', 'pause_job(job_id)', 'resume');
SELECT try('running', w, 'cancel') FROM unnest('{"pause_job(job_id)","resume_job(job_id)","cancel_job(job_id)","retry_job(job_id)"}'::text[]) w;
SELECT try('queued', 'alter_job(job_id)'), try('queued', 'pause_job(NULL)');
