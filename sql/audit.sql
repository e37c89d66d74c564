-- Audit rows of the call: oVirt's types and severities, filled placeholders; own kinds as external events.  What needs a worker
-- (success, failure, cancel, retry, abandoned cleaning) is in test/t.
\set VERBOSITY terse
SET client_min_messages = error;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
SELECT fixture.make_vm('vm' || n) FROM generate_series(1, 9) n;
SELECT fixture.make_vm('wide', disks => 1, nics => 2);
\o
\set ECHO all
\set ON_ERROR_STOP off
SET client_min_messages = error;

-- Shows what came since the last look, and forgets it.
CREATE FUNCTION news() RETURNS TABLE (type text, severity int, message text, subject text)
LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM vmclone.audit_log RETURNING *)
    SELECT log_type || ' ' || log_type_name, severity, regexp_replace(message, '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>', 'g'),
        concat_ws(', ', 'user ' || user_name, 'as ' || (SELECT name FROM vmclone.users u WHERE u.user_id = gone.user_id), 'vm ' || vm_name, storage_pool_name, cluster_name,
            'domain ' || nullif(storage_domain_name, ''), 'quota ' || nullif(quota_name, ''), CASE WHEN origin <> 'oVirt' THEN concat_ws(' ', origin, custom_data, custom_event_id) END,
            CASE WHEN EXISTS (SELECT 1 FROM vmclone.jobs j WHERE j.job_id = gone.job_id AND j.vm_id = gone.vm_id) THEN 'with job' END)
    FROM gone ORDER BY audit_log_id
$$;
CREATE FUNCTION with_quota(vm text, quota text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('disk_id', fixture.disk(vm, 1), 'quota_id', fixture.id(quota)), jsonb_build_object('disk_id', fixture.disk(vm, 2), 'include', false))
$$;
CREATE FUNCTION without_disks(vm text, disks int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk(vm, d), 'include', false)) FROM generate_series(1, disks) d
$$;

-- start: an internal call names the role, others the engine's user
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 1), 'one', start_paused => true);
SELECT * FROM news();
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm2', 1), 'two', user_id => fixture.id('alice'), start_paused => true);
SELECT * FROM news();
-- one row for each copy
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm3', 1), 'three_{n}', copies => 2, start_paused => true);
SELECT * FROM news();
-- a template; nothing to copy
SELECT vm_name FROM vmclone.add_vm_template_from_snapshot(fixture.snapshot('vm4', 1), 'four', start_paused => true);
SELECT * FROM news();
SELECT vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('wide', 1), 'five', disks => without_disks('wide', 1));
SELECT * FROM news();

-- a refusal writes nothing, nor does ROLLBACK
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 1), 'six');
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 1), 'one');
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 1), 'six', user_id => fixture.id('bob'));
BEGIN;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 1), 'six', start_paused => true);
ROLLBACK;
SELECT * FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm5', 1), 'six');
SELECT * FROM news();

-- a partial snapshot
SELECT fixture.lose_image('vm5', 2, 1);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 1), 'six', start_paused => true);
SELECT * FROM news();
SELECT fixture.lose_image('vm6', 2, 1);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm6', 1), 'seven_{n}', copies => 2, missing_disk => 'blank', start_paused => true);
SELECT * FROM news();
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm6', 2), 'eight', missing_disk => 'fail', lock_mode => 'shared');
SELECT * FROM news();

-- quota: below the threshold, above it, above the limit, above the grace
UPDATE vmclone.storage_pool SET quota_enforcement_type = 1 WHERE id = fixture.id('dc1');
CREATE FUNCTION leave_of_q1(gib int) RETURNS void LANGUAGE sql AS $$
    -- so that a clone of 10 GiB takes q1 to 1000 / gib % of its limit
    UPDATE vmclone.quota_limitation SET storage_size_gb = (SELECT (10 + sum(CASE WHEN i.active THEN i.size ELSE d.actual_size END) / 1073741824.0) * gib / 1000
        FROM vmclone.image_storage_domain_map m JOIN vmclone.images i ON i.image_guid = m.image_id
        JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE m.quota_id = fixture.id('q1'))
    WHERE id = fixture.id('limit q1 storage')
$$;
SELECT leave_of_q1(1300);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'nine', disks => with_quota('vm7', 'q1'), lock_mode => 'shared', start_paused => true);
SELECT * FROM news();
SELECT leave_of_q1(1100);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'ten', disks => with_quota('vm7', 'q1'), lock_mode => 'shared', start_paused => true);
SELECT type, severity, regexp_replace(message, '[0-9.]+%', '<percent>', 'g') AS message, subject FROM news();
SELECT leave_of_q1(900);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'eleven', disks => with_quota('vm7', 'q1'), lock_mode => 'shared', start_paused => true);
SELECT type, severity, regexp_replace(message, '[0-9.]+%', '<percent>', 'g') AS message, subject FROM news();
SELECT leave_of_q1(700);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'twelve', disks => with_quota('vm7', 'q1'), lock_mode => 'shared', start_paused => true);
SELECT type, severity, regexp_replace(message, '[0-9.]+%', '<percent>', 'g') AS message, subject FROM news();
-- a quota that is gone
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'thirteen', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('vm7', 1), 'quota_id', fixture.id('gone')), jsonb_build_object('disk_id', fixture.disk('vm7', 2), 'include', false)), lock_mode => 'shared', start_paused => true);
SELECT * FROM news();
-- no quota at all
UPDATE vmclone.quota SET is_default = false WHERE storage_pool_id = fixture.id('dc1');
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'thirteen_b', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('vm7', 2), 'include', false)),
    lock_mode => 'shared', start_paused => true);
SELECT * FROM news();
UPDATE vmclone.quota SET is_default = true WHERE id = fixture.id('quota default');
-- hard: refused, and no row
UPDATE vmclone.storage_pool SET quota_enforcement_type = 2 WHERE id = fixture.id('dc1');
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'fourteen', disks => with_quota('vm7', 'q1'), lock_mode => 'shared');
SELECT * FROM news();
UPDATE vmclone.storage_pool SET quota_enforcement_type = 0 WHERE id = fixture.id('dc1');

-- the MAC pool of three: few left, none left; a network that the cluster lacks
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('wide', 1), 'fifteen', cluster_id => fixture.id('cl2'), disks => without_disks('wide', 1));
SELECT * FROM news();
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm8', 1), 'sixteen', cluster_id => fixture.id('cl2'), disks => without_disks('vm8', 2));
SELECT * FROM news();
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm9', 1), 'seventeen', cluster_id => fixture.id('cl2'), disks => without_disks('vm9', 2));
SELECT * FROM news();

-- unlocking by hand, by an administrator's own name
UPDATE vmclone.snapshots SET status = 'LOCKED' WHERE snapshot_id = fixture.snapshot('vm9', 1);
CREATE ROLE regress_audit_admin;
SELECT vmclone.grant_admin('regress_audit_admin');
SET ROLE regress_audit_admin;
SELECT vmclone.unlock_entity('snapshot', '8a39ea13-3d8e-1b70-63e7-0b1ef1b92e2b'::uuid) IS NULL AS of_another;
RESET ROLE;
SELECT fixture.snapshot('vm9', 1) AS locked, fixture.vm('vm9') AS vm \gset
SET ROLE regress_audit_admin;
SELECT vmclone.unlock_entity('snapshot', :'locked');
SELECT vmclone.unlock_entity('snapshot', :'locked');
-- a VM is no template, nor the other way round; the VM is not locked
SELECT vmclone.unlock_entity('template', :'vm');
SELECT vmclone.unlock_entity('vm', '00000000-0000-0000-0000-000000000000');
SELECT vmclone.unlock_entity('vm', :'vm');
RESET ROLE;
SELECT * FROM news();
DROP OWNED BY regress_audit_admin;
DROP ROLE regress_audit_admin;
