-- Fills a prepared database: VMs bench1 … bench:vms to be cloned, and copies of one of them, rows only, until there are
-- :images images: what stands beside the VMs that are cloned.  The copies are set-based and without triggers, since there
-- are millions of rows.
SELECT fixture.attach_domains();
UPDATE vmclone.storage_domain_dynamic SET available_disk_size = 100000000;
UPDATE vmclone.storage_mounts SET available_bytes = 1e17, total_bytes = 1e17;
SELECT count(fixture.make_vm('bench' || n, disks => 2, layers => 10, nics => 3)) FROM generate_series(1, :vms) n;
INSERT INTO vmclone.vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, alias)
SELECT gen_random_uuid(), fixture.vm('bench' || n), 'channel', 'channel' || k, '', '{}', false, true, 'channel' || k
FROM generate_series(1, :vms) n, generate_series(1, 7) k;
SELECT fixture.write_ovf('bench' || n) FROM generate_series(1, :vms) n;

CREATE SCHEMA bench;

CREATE FUNCTION bench.model() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT fixture.vm('bench1') $$;

-- Rows of a table, chosen by condition, once for each number: columns in ids get ids of their own.
CREATE FUNCTION bench.fill_table(relation name, condition text, ids name[], first integer, last integer, special jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    columns text;
    expressions text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
        string_agg(CASE WHEN special ? attname THEN special ->> attname
            WHEN attname = ANY (ids) THEN format($f$CASE WHEN t.%1$I = '00000000-0000-0000-0000-000000000000' THEN t.%1$I ELSE md5(t.%1$I || '/' || n)::uuid END$f$, attname)
            ELSE 't.' || quote_ident(attname) END, ', ' ORDER BY attnum)
    INTO columns, expressions
    FROM pg_attribute WHERE attrelid = format('vmclone.%I', relation)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = '';
    EXECUTE format('INSERT INTO vmclone.%1$I (%2$s) SELECT %3$s FROM vmclone.%1$I t, generate_series(%4$s, %5$s) n WHERE %6$s', relation, columns, expressions, first, last, condition);
END
$$;

CREATE FUNCTION bench.fill(images bigint) RETURNS bigint
LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE
    there bigint := (SELECT count(*) FROM vmclone.images);
    per_vm CONSTANT bigint := (SELECT count(*) FROM vmclone.images i JOIN vmclone.disk_vm_element e ON e.disk_id = i.image_group_id WHERE e.vm_id = bench.model());
    first integer := (SELECT count(*) FROM vmclone.vm_static);
    last integer := first + ceil((images - there) / per_vm::numeric) - 1;
    vm CONSTANT text := quote_literal(bench.model());
    disk CONSTANT text := format('(SELECT e.disk_id FROM vmclone.disk_vm_element e WHERE e.vm_id = %s)', vm);
    image CONSTANT text := format('(SELECT i.image_guid FROM vmclone.images i WHERE i.image_group_id IN %s)', disk);
BEGIN
    IF last < first THEN
        RETURN there;
    END IF;
    PERFORM bench.fill_table('vm_static', 'vm_guid = ' || vm, '{vm_guid}', first, last, '{"vm_name": "''filler'' || n"}');
    PERFORM bench.fill_table('vm_dynamic', 'vm_guid = ' || vm, '{vm_guid}', first, last);
    PERFORM bench.fill_table('vm_statistics', 'vm_guid = ' || vm, '{vm_guid}', first, last);
    PERFORM bench.fill_table('vm_ovf_generations', 'vm_guid = ' || vm, '{vm_guid}', first, last);
    PERFORM bench.fill_table('snapshots', 'vm_id = ' || vm, '{snapshot_id,vm_id}', first, last, '{"vm_configuration": "NULL"}');
    PERFORM bench.fill_table('base_disks', 'disk_id IN ' || disk, '{disk_id}', first, last);
    PERFORM bench.fill_table('disk_image_dynamic', 'image_id IN ' || image, '{image_id}', first, last);
    PERFORM bench.fill_table('image_storage_domain_map', 'image_id IN ' || image, '{image_id}', first, last);
    PERFORM bench.fill_table('images', 'image_group_id IN ' || disk, '{image_guid,parentid,image_group_id,vm_snapshot_id}', first, last);
    PERFORM bench.fill_table('vm_interface_statistics', 'vm_id = ' || vm, '{id,vm_id}', first, last);
    PERFORM bench.fill_table('vm_interface', 'vm_guid = ' || vm, '{id,vm_guid}', first, last,
        '{"mac_addr": "''00:1a'' || regexp_replace(lpad(to_hex(n * 8 + right(t.name, 1)::integer), 8, ''0''), ''(..)'', '':\\1'', ''g'')"}');
    PERFORM bench.fill_table('vm_device', 'vm_id = ' || vm, '{device_id,vm_id}', first, last);
    PERFORM bench.fill_table('permissions', 'object_id = ' || vm, '{id,object_id}', first, last);
    PERFORM bench.fill_table('disk_vm_element', 'vm_id = ' || vm, '{disk_id,vm_id}', first, last);
    RETURN (SELECT count(*) FROM vmclone.images);
END
$$;

SELECT bench.fill(:images);
