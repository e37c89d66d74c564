-- Names and texts as long as the inventory's columns take them: a clone fits, or can_add and the call refuse it alike.  An audit row has
-- less room for a quota's name than the quota.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\i test/fixture/checks.sql
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
SELECT fixture.attach_domains(), fixture.make_vm('wide', options => '{"vm_init": {"host_name": "h"}, "numa": true}');

-- columns with a width, of tables whose rows go into a clone or into its audit rows, and a text that fills them
CREATE TEMP TABLE widths AS
SELECT c.table_name, c.column_name, c.character_maximum_length AS width
FROM information_schema.columns c
WHERE c.table_schema = (SELECT table_schema FROM information_schema.tables WHERE table_name = 'vm_static' AND table_schema IN ('engine', 'vmclone') ORDER BY 1 LIMIT 1)
    AND c.character_maximum_length IS NOT NULL AND c.is_generated = 'NEVER'
    AND c.table_name IN ('vm_static', 'vm_init', 'vm_interface', 'vm_device', 'base_disks', 'disk_vm_element', 'snapshots', 'quota', 'users', 'cluster', 'storage_pool',
        'storage_domain_static', 'network', 'vnic_profiles', 'mac_pools');
SELECT cmp_ok(count(*), '>', 60::bigint, 'columns with a width') FROM widths;

-- One column after the other: filled in the source (and in its document), then asked and called.
CREATE FUNCTION pg_temp.try_width(relation text, name text, width integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    change text := format('UPDATE %I SET %I = repeat(''x'', %s)%s', relation, name, width, CASE relation
        WHEN 'vm_static' THEN $w$ WHERE vm_guid = fixture.vm('wide')$w$
        WHEN 'vm_init' THEN $w$ WHERE vm_id = fixture.vm('wide')$w$
        WHEN 'vm_interface' THEN $w$ WHERE vm_guid = fixture.vm('wide')$w$
        WHEN 'vm_device' THEN $w$ WHERE vm_id = fixture.vm('wide') AND type = 'controller' AND device = 'usb'$w$
        WHEN 'base_disks' THEN $w$ WHERE disk_id = fixture.disk('wide', 1)$w$
        WHEN 'disk_vm_element' THEN $w$ WHERE disk_id = fixture.disk('wide', 1)$w$
        WHEN 'snapshots' THEN $w$ WHERE snapshot_id = fixture.snapshot('wide', 2)$w$
        WHEN 'quota' THEN $w$ WHERE id = fixture.id('q1')$w$
        WHEN 'users' THEN $w$ WHERE user_id = fixture.id('alice')$w$
        WHEN 'cluster' THEN $w$ WHERE cluster_id = fixture.id('cl1')$w$
        WHEN 'storage_pool' THEN $w$ WHERE id = fixture.id('dc1')$w$
        WHEN 'storage_domain_static' THEN $w$ WHERE id = fixture.id('nfs1')$w$
        WHEN 'network' THEN $w$ WHERE id = fixture.id('net1')$w$
        WHEN 'vnic_profiles' THEN $w$ WHERE id = fixture.id('vnic net1')$w$
        ELSE $w$ WHERE id = fixture.id('macs')$w$ END);
    says text;
    target text;
    result text := '';
BEGIN
    FOREACH target IN ARRAY '{vm,template}'::text[] LOOP
        BEGIN
            SELECT string_agg(DISTINCT t.add_says, ', ') INTO says
            FROM fixture.try(change || $c$; SELECT fixture.write_ovf('wide'); UPDATE storage_pool SET quota_enforcement_type = 1; UPDATE quota SET threshold_storage_percentage = 0$c$,
                $c$user_id => fixture.id('alice')$c$, fixture.snapshot('wide', 2), target) t;
        EXCEPTION WHEN integrity_constraint_violation THEN
            -- such a value can't be in the inventory
            says := 'no call';
        END;
        IF says NOT IN ('same', 'done', 'no call') THEN
            result := result || format('%s.%s (%s), %s: %s; ', relation, name, width, target, says);
        END IF;
    END LOOP;
    RETURN result;
END
$$;
SELECT is(pg_temp.try_width(table_name, column_name, width), '', format('%s.%s: %s characters', table_name, column_name, width)) FROM widths ORDER BY table_name, column_name;

-- all names at once that an audit row has
UPDATE quota SET quota_name = repeat('q', 65), threshold_storage_percentage = 0 WHERE id = fixture.id('q1');
UPDATE quota_limitation SET storage_size_gb = 1 WHERE storage_size_gb IS NOT NULL;
UPDATE storage_pool SET quota_enforcement_type = 1, name = repeat('p', 40) WHERE id = fixture.id('dc1');
UPDATE storage_domain_static SET storage_name = repeat('s', 250) WHERE id = fixture.id('nfs1');
UPDATE cluster SET name = repeat('c', 40) WHERE cluster_id = fixture.id('cl1');
UPDATE users SET username = repeat('u', 255) WHERE user_id = fixture.id('alice');
SELECT fixture.write_ovf('wide');
SELECT is(count(*), 1::bigint, 'a clone whose names are all as long as they can be') FROM add_vm_from_snapshot(fixture.snapshot('wide', 2), repeat('v', 64),
    disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk('wide', d), 'quota_id', fixture.id('q1'))) FROM generate_series(1, 2) d),
    user_id => fixture.id('alice'), start_paused => true);
SELECT is(max(length(quota_name)), 60, 'of a quota''s name an audit row has what fits into an engine''s') FROM audit_log;
SELECT is(max(length(user_name)), 255, 'and all of the user''s') FROM audit_log WHERE vm_name = repeat('v', 64);

SELECT * FROM finish();
ROLLBACK;
