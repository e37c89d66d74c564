-- One call is all or nothing, in whatever transaction the caller puts it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
\o
\set ECHO all
\set ON_ERROR_STOP off
SELECT fixture.make_vm('one') IS NOT NULL AS one, fixture.make_vm('two') IS NOT NULL AS two;

-- What a call can leave behind, and what it does to its source.
CREATE VIEW state AS
SELECT (SELECT count(*) FROM vmclone.vm_static WHERE vm_name LIKE 'clone%') AS vms,
       (SELECT count(*) FROM vmclone.jobs) AS jobs,
       (SELECT count(*) FROM vmclone.async_tasks) AS tasks,
       (SELECT count(*) FROM vmclone.image_locks) AS locks,
       (SELECT count(*) FROM vmclone.vm_names) AS names,
       (SELECT count(*) FROM vmclone.images WHERE imagestatus = 2) AS locked_images,
       (SELECT count(*) FROM vmclone.snapshots WHERE status = 'LOCKED') AS locked_snapshots,
       (SELECT count(*) FROM vmclone.audit_log) AS audits;

SELECT * FROM state;

-- ROLLBACK leaves nothing
BEGIN;
SELECT copy_number, vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone', start_paused => true);
SELECT * FROM state;
ROLLBACK;
SELECT * FROM state;

-- savepoints
BEGIN;
SAVEPOINT s;
SELECT copy_number, vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone', start_paused => true);
ROLLBACK TO s;
SELECT copy_number, vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone', start_paused => true);
SAVEPOINT s;
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone2', start_paused => true);
ROLLBACK TO s;
SELECT * FROM state;
ROLLBACK;

-- several calls in one transaction: all or none
BEGIN;
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone1', start_paused => true);
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'clone2', start_paused => true);
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 2), 'clone1', start_paused => true, lock_mode => 'shared');
COMMIT;
SELECT * FROM state;

-- PREPARE TRANSACTION: the locks are there, and name nobody's process; COMMIT PREPARED queues the job
BEGIN;
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone', start_paused => true);
PREPARE TRANSACTION 'clone';
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone2', start_paused => true);
ROLLBACK PREPARED 'clone';
SELECT * FROM state;
BEGIN;
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone', start_paused => true);
PREPARE TRANSACTION 'clone';
COMMIT PREPARED 'clone';
SELECT * FROM state;
SELECT status, action, lock_mode, on_failure, copy_number FROM vmclone.jobs;

-- an earlier status is given back by the last holder only
SELECT kind, mode, earlier_status, job_status, vm_name, count(*) FROM vmclone.locks GROUP BY 1, 2, 3, 4, 5 ORDER BY 1;
SELECT vmclone.unlock_entity('snapshot', fixture.snapshot('one', 1));
SELECT vmclone.unlock_entity('galaxy', fixture.snapshot('one', 1));
SELECT vmclone.unlock_entity('disk', fixture.id('none'));

-- a call is read only on no account
BEGIN READ ONLY;
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'clone2');
ROLLBACK;
