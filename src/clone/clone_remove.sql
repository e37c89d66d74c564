--
-- Removal of clones' rows, for failure and cancel, of many at once: it costs by the statement more than by the row.  Runs in
-- an inventory frame: names without a schema are the bound inventory's.  Only what the jobs made goes; what somebody attached
-- meanwhile is an error that names it.
--

-- Raises if a row that is not to go refers, by a foreign key, to one that is: with an ON DELETE CASCADE it would be lost.
-- p_condition is SQL about the row's columns, with $1 the VMs' ids and $2 the ids to remove.
CREATE FUNCTION vmclone_internal.clone_refuse_references(p_table regclass, p_condition text, p_vm_ids uuid[], p_ids uuid[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    reference record;
    key text;
BEGIN
    FOR reference IN
        SELECT c.conrelid, c.conrelid::regclass AS name, c.conname, c.confdeltype IN ('a', 'r') AS refuses,
            has_schema_privilege(l.relnamespace, 'USAGE') AND has_table_privilege(c.conrelid, 'SELECT') AS readable,
            (SELECT string_agg(format('r.%I = t.%I', a.attname, b.attname), ' AND ')
             FROM unnest(c.conkey, c.confkey) AS k (own, other)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
             JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other) AS same,
            COALESCE((SELECT format('concat(''(%s)=('', concat_ws('', '', %s), '')'')', string_agg(a.attname, ', ' ORDER BY k.n),
                             string_agg(format('r.%I', a.attname), ', ' ORDER BY k.n))
                      FROM pg_index i
                      CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, n)
                      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                      WHERE i.indrelid = c.conrelid AND i.indisprimary HAVING count(*) > 0),
                     'to_jsonb(r)::text') AS key
        FROM pg_constraint c
        JOIN pg_class l ON l.oid = c.conrelid
        WHERE c.contype = 'f' AND c.confrelid = p_table
        ORDER BY c.conname
    LOOP
        IF NOT reference.readable THEN
            -- the foreign key finds such a row, whoever may read it
            CONTINUE WHEN reference.refuses AND NOT vmclone_internal.clone_delete_is_refused(p_table);
            RAISE EXCEPTION 'rows of the new virtual machine cannot be removed: table "%" may have rows that would be lost, and role "%" may not read it',
                    reference.name, current_user
                USING ERRCODE = 'VC014', DETAIL = format('Foreign key "%s" of table "%s" removes or changes rows together with those of table "%s".',
                    reference.conname, reference.name, p_table),
                HINT = format('Run GRANT SELECT ON %s TO %I; cleaning is tried again by itself.', reference.name, current_user);
        END IF;
        EXECUTE format('SELECT %s FROM (SELECT * FROM %s WHERE %s) t JOIN %s r ON %s%s LIMIT 1', reference.key, p_table, p_condition,
            reference.name, reference.same,
            CASE WHEN reference.conrelid = p_table
                THEN format(' WHERE NOT EXISTS (SELECT FROM (SELECT r.*) s WHERE %s)', p_condition) ELSE '' END)
        INTO key USING p_vm_ids, p_ids;
        IF key IS NOT NULL THEN
            PERFORM vmclone_internal.clone_refuse_removal(reference.name::text, key, p_vm_ids);
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION vmclone_internal.clone_refuse_removal(p_table text, p_key text, p_vm_ids uuid[])
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the new virtual machine cannot be removed: table "%" has a row that the job did not make', p_table
        USING ERRCODE = 'VC014', DETAIL = format('Row %s of table "%s" refers to virtual machine %s or to a disk of it.', p_key, p_table, array_to_string(p_vm_ids, ' or ')),
            HINT = 'Remove the row, or detach it from the virtual machine; cleaning is tried again by itself.';
END
$$;

-- Whether a publication refuses every DELETE on the table, or the one that a foreign key's action sends behind it: the
-- table has nothing by which a subscriber could know the row.
CREATE FUNCTION vmclone_internal.clone_delete_is_refused(p_table regclass)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_publication)
        AND (SELECT relkind = 'r' FROM pg_class WHERE oid = p_table)
        AND EXISTS (
            SELECT FROM (SELECT p_table::oid AS id
                UNION SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid = p_table AND confdeltype IN ('c', 'n', 'd')) t
            WHERE vmclone_internal.published_without_identity(t.id) IS NOT NULL)
$$;

CREATE FUNCTION vmclone_internal.clone_delete_plainly(p_table regclass, p_rows tid[])
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_clone_delete_plainly';

CREATE FUNCTION vmclone_internal.clone_remove_rows(p_vm_ids uuid[], p_ids uuid[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    disks uuid[];
    step record;
    key text;
    target regclass;
    doomed tid[];
    inventory text := (SELECT quote_ident(n) FROM unnest(current_schemas(false)) n WHERE n <> 'pg_catalog' AND n !~ '^pg_temp' LIMIT 1);
BEGIN
    -- from here nobody attaches anything: the check of a foreign key waits for these locks
    PERFORM FROM vm_static WHERE vm_guid = ANY (p_vm_ids) ORDER BY vm_guid FOR UPDATE;
    SELECT COALESCE(array_agg(DISTINCT d.disk_id), '{}') INTO disks
    FROM (SELECT i.image_group_id AS disk_id FROM images i WHERE i.image_guid = ANY (p_ids)
          UNION ALL SELECT t.disk_id FROM vmclone.jobs j JOIN vmclone.async_tasks t ON t.job_id = j.job_id
          WHERE j.vm_id = ANY (p_vm_ids) AND t.disk_id = ANY (p_ids)) d;
    PERFORM FROM base_disks WHERE disk_id = ANY (disks) ORDER BY disk_id FOR UPDATE;

    -- references that no foreign key guards
    SELECT format('(image_guid)=(%s)', i.image_guid) INTO key
    FROM (SELECT image_guid FROM images WHERE image_group_id = ANY (disks)
          UNION ALL SELECT image_guid FROM images WHERE parentid = ANY (p_ids) AND parentid <> '00000000-0000-0000-0000-000000000000'
          UNION ALL SELECT image_guid FROM images WHERE it_guid = ANY (p_ids) AND it_guid <> '00000000-0000-0000-0000-000000000000') i
    WHERE i.image_guid <> ALL (p_ids) LIMIT 1;
    IF key IS NOT NULL THEN
        PERFORM vmclone_internal.clone_refuse_removal('images', key, p_vm_ids);
    END IF;
    SELECT format('(id)=(%s)', p.id) INTO key FROM permissions p
    WHERE p.object_id = ANY (disks || p_vm_ids) AND p.id <> ALL (p_ids) LIMIT 1;
    IF key IS NOT NULL THEN
        PERFORM vmclone_internal.clone_refuse_removal('permissions', key, p_vm_ids);
    END IF;
    SELECT format('(device_id, vm_id)=(%s, %s)', d.device_id, d.vm_id) INTO key FROM vm_device d
    WHERE d.device_id = ANY (disks) AND d.vm_id <> ALL (p_vm_ids) LIMIT 1;
    IF key IS NOT NULL THEN
        PERFORM vmclone_internal.clone_refuse_removal('vm_device', key, p_vm_ids);
    END IF;

    -- children first; a table that this inventory lacks is passed over
    FOR step IN
        SELECT * FROM (VALUES
            ('permissions', 'id = ANY ($2)'),
            ('vm_host_pinning_map', 'vm_id = ANY ($1)'),
            ('numa_node_cpu_map', 'id = ANY ($2)'),
            ('vm_vds_numa_node_map', 'id = ANY ($2)'),
            ('numa_node', 'vm_id = ANY ($1) AND numa_node_id = ANY ($2)'),
            ('vm_nvram_data', 'vm_id = ANY ($1)'),
            ('vm_init', 'vm_id = ANY ($1)'),
            ('vm_ovf_generations', 'vm_guid = ANY ($1)'),
            ('vm_external_data', 'vm_id = ANY ($1) AND device_id = ANY ($2)'),
            ('vm_interface_statistics', 'id = ANY ($2)'),
            ('vm_interface', 'vm_guid = ANY ($1) AND id = ANY ($2)'),
            ('vm_device', 'vm_id = ANY ($1) AND device_id = ANY ($2)'),
            ('disk_vm_element', 'vm_id = ANY ($1) AND disk_id = ANY ($2)'),
            ('image_storage_domain_map', 'image_id = ANY ($2)'),
            ('disk_image_dynamic', 'image_id = ANY ($2)'),
            ('images', 'image_guid = ANY ($2)'),
            ('snapshots', 'vm_id = ANY ($1) AND snapshot_id = ANY ($2)'),
            ('base_disks', 'disk_id = ANY ($3)'),
            ('vm_statistics', 'vm_guid = ANY ($1)'),
            ('vm_dynamic', 'vm_guid = ANY ($1)'),
            ('vm_static', 'vm_guid = ANY ($1)')) AS s (name, condition)
    LOOP
        target := to_regclass(inventory || '.' || quote_ident(step.name));
        CONTINUE WHEN target IS NULL;
        -- a DELETE that has nothing to delete can be refused, too
        EXECUTE format('SELECT array_agg(ctid) FROM %s WHERE %s', target, step.condition) INTO doomed USING p_vm_ids, p_ids, disks;
        CONTINUE WHEN doomed IS NULL;
        IF step.name = 'base_disks' THEN
            PERFORM vmclone_internal.clone_refuse_references(target, 'disk_id = ANY ($2)', p_vm_ids, disks);
        ELSE
            PERFORM vmclone_internal.clone_refuse_references(target, step.condition, p_vm_ids, p_ids);
        END IF;
        IF vmclone_internal.clone_delete_is_refused(target) THEN
            PERFORM vmclone_internal.clone_delete_plainly(target, doomed);
        ELSE
            EXECUTE format('DELETE FROM %s WHERE %s', target, step.condition) USING p_vm_ids, p_ids, disks;
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION vmclone_internal.clone_refuse_references IS 'no foreign row refers to rows that are to go';
COMMENT ON FUNCTION vmclone_internal.clone_refuse_removal IS 'the error that names a row which stands in the way of cleaning';
COMMENT ON FUNCTION vmclone_internal.clone_delete_is_refused IS 'whether a publication refuses every DELETE on a table';
COMMENT ON FUNCTION vmclone_internal.clone_delete_plainly IS 'deletes rows past a publication that refuses it';
COMMENT ON FUNCTION vmclone_internal.clone_remove_rows IS 'removes the inventory rows of failed or cancelled clones';

REVOKE ALL ON FUNCTION vmclone_internal.clone_refuse_references, vmclone_internal.clone_refuse_removal, vmclone_internal.clone_delete_is_refused, vmclone_internal.clone_delete_plainly, vmclone_internal.clone_remove_rows FROM PUBLIC;
