-- Quota: modes, limits, threshold and grace, audit rows; permissions of engine users.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\i test/fixture/checks.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
-- one disk of 1 GiB, as in the engine's QuotaManagerTest: limit 100 GiB, threshold 80, grace 20, request 1 GiB
SELECT count(*) FROM (SELECT fixture.make_vm('one', disks => 1, size => 1073741824, actual => 1048576), fixture.make_vm('two', disks => 2, size => 1073741824, actual => 1048576)) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
\pset tuples_only on
-- quota "limited": 100 GiB in all; quota "by_domain": 100 GiB on nfs1
INSERT INTO quota (id, storage_pool_id, quota_name) VALUES (fixture.id('limited'), fixture.id('dc1'), 'limited'), (fixture.id('by_domain'), fixture.id('dc1'), 'by_domain');
INSERT INTO quota_limitation (id, quota_id, storage_id, storage_size_gb)
VALUES (fixture.id('limit 1'), fixture.id('limited'), NULL, 100), (fixture.id('limit 2'), fixture.id('by_domain'), fixture.id('nfs1'), 100);
-- enforcement, and so much GiB charged to a quota on nfs1 already
CREATE FUNCTION fixture.charge(mode integer, quota text, gib bigint) RETURNS void LANGUAGE sql SET search_path = vmclone AS $$
    UPDATE storage_pool SET quota_enforcement_type = mode WHERE id = fixture.id('dc1');
    INSERT INTO base_disks (disk_id, disk_alias) VALUES (fixture.id('charged'), 'charged');
    INSERT INTO images (image_guid, creation_date, size, it_guid, imagestatus, lastmodified, image_group_id, active)
    VALUES (fixture.id('charged'), now(), gib * 1073741824, '00000000-0000-0000-0000-000000000000', 1, now(), fixture.id('charged'), true);
    INSERT INTO image_storage_domain_map (image_id, storage_domain_id, quota_id) VALUES (fixture.id('charged'), fixture.id('nfs1'), fixture.id(quota));
$$;
CREATE FUNCTION fixture.with_quota(quota text, domain text DEFAULT 'nfs1') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'quota_id', fixture.id(quota), 'storage_domain_id', fixture.id(domain))) $$;

-- hard, global limit: silent, threshold 3011, limit 3010, refused without a row
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 9)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 83)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 104)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 140)$$, $$disks => fixture.with_quota('limited')$$);
-- a limit for one domain
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'by_domain', 73)$$, $$disks => fixture.with_quota('by_domain')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'by_domain', 92)$$, $$disks => fixture.with_quota('by_domain')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'by_domain', 103)$$, $$disks => fixture.with_quota('by_domain')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'by_domain', 126)$$, $$disks => fixture.with_quota('by_domain')$$);
-- equality stays in the lower class
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 79)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 80)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 99)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 100)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 119)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 120)$$, $$disks => fixture.with_quota('limited')$$);
-- an image that is not active counts with what it takes, not with its virtual size
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 140); UPDATE images SET active = false WHERE image_guid = fixture.id('charged');
    INSERT INTO disk_image_dynamic (image_id, actual_size) VALUES (fixture.id('charged'), 1073741824)$$, $$disks => fixture.with_quota('limited')$$);
-- given back and taken again
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 124); UPDATE images SET size = size - 8 * 1073741824::bigint WHERE image_guid = fixture.id('charged')$$, $$disks => fixture.with_quota('limited')$$);
-- copies and disks of one quota ask together; the clones of an earlier call count
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 110)$$, $$disks => fixture.with_quota('limited'), copies => 10$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 110)$$, $$disks => fixture.with_quota('limited'), copies => 11$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 119); UPDATE quota SET is_default = id = fixture.id('limited') WHERE storage_pool_id = fixture.id('dc1') AND is_default;
    UPDATE quota SET is_default = true WHERE id = fixture.id('limited')$$, '', fixture.snapshot('two', 2));
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 119);
    SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', disks => fixture.with_quota('limited'), start_paused => true, lock_mode => 'shared')$$,
    $$vm_name => 'second', lock_mode => 'shared', disks => fixture.with_quota('limited')$$);
-- soft: above the grace limit goes on with 3016
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 83)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 104)$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 140)$$, $$disks => fixture.with_quota('limited')$$);
-- disabled: nothing counts
SELECT * FROM fixture.try($$SELECT fixture.charge(0, 'limited', 140)$$, $$disks => fixture.with_quota('limited')$$);
-- unlimited, and a limit of nothing
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'quota default', 100000)$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0); UPDATE quota_limitation SET storage_size_gb = 0 WHERE quota_id = fixture.id('limited')$$, $$disks => fixture.with_quota('limited')$$);
-- other threshold and grace
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 104); UPDATE quota SET grace_storage_percentage = 0$$, $$disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 83); UPDATE quota SET threshold_storage_percentage = 90$$, $$disks => fixture.with_quota('limited')$$);
-- no quota, no limit for the domain, another data center's, without limits
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0)$$, $$disks => fixture.with_quota('nothing')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 0)$$, $$disks => fixture.with_quota('quota default')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 0); UPDATE quota SET is_default = false$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0); UPDATE quota SET is_default = false$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 0); UPDATE quota SET is_default = false$$, $$vm_static => '{"quota_id": null}', disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0); UPDATE quota SET is_default = false$$, $$vm_static => '{"quota_id": null}', disks => fixture.with_quota('limited')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0)$$, $$disks => fixture.with_quota('by_domain', 'nfs2')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0)$$, $$disks => fixture.with_quota('quota default dc2')$$);
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 0); DELETE FROM quota_limitation WHERE quota_id = fixture.id('limited')$$, $$disks => fixture.with_quota('limited')$$);
-- soft, and a quota that is gone: the disk gets none; disabled: an error all the same
SELECT * FROM fixture.try($$SELECT fixture.charge(1, 'limited', 0)$$, $$disks => fixture.with_quota('nothing')$$);
SELECT * FROM fixture.try('', $$disks => fixture.with_quota('nothing')$$);
-- the VM's own quota
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('quota_id', fixture.id('nothing'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('quota_id', fixture.id('quota default dc2'))$$);
SELECT * FROM fixture.try($$DELETE FROM quota_limitation WHERE quota_id = fixture.id('q1')$$);
SELECT * FROM fixture.try($$INSERT INTO quota_limitation (id, quota_id, storage_size_gb) VALUES (fixture.id('mixed'), fixture.id('by_domain'), 50)$$,
    $$vm_static => jsonb_build_object('quota_id', fixture.id('by_domain'))$$);
SELECT * FROM fixture.try('', $$vm_static => '{"quota_id": null}'$$);
-- a quota of another data center isn't charged under any enforcement
SELECT * FROM fixture.try('', $$disks => fixture.with_quota('quota default dc2')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool SET quota_enforcement_type = 1$$, $$disks => fixture.with_quota('quota default dc2')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool SET quota_enforcement_type = 2$$, $$disks => fixture.with_quota('quota default dc2')$$);
-- more than a bigint has is used already
SELECT * FROM fixture.try($$SELECT fixture.charge(2, 'limited', 9); UPDATE images SET size = 9223372036854775807 WHERE image_guid IN (fixture.id('charged'), fixture.image('two', 1, 3));
    UPDATE image_storage_domain_map SET quota_id = fixture.id('limited') WHERE image_id = fixture.image('two', 1, 3)$$, $$disks => fixture.with_quota('limited')$$);
-- what the plan says is left
\pset tuples_only off
BEGIN;
SELECT fixture.charge(2, 'limited', 90);
SELECT disk_alias, quota_left_gb FROM plan_add_vm_from_snapshot(fixture.snapshot('one', 2), disks => fixture.with_quota('limited'));
SELECT disk_alias, quota_left_gb FROM plan_add_vm_from_snapshot(fixture.snapshot('one', 2));
-- the audit row names quota and percentages
SELECT count(*) FROM add_vm_from_snapshot(fixture.snapshot('one', 2), disks => fixture.with_quota('limited'), start_paused => true);
SELECT log_type, severity, message, quota_name FROM audit_log WHERE log_type = 3011;
ROLLBACK;
