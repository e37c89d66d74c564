--
-- Schema "engine": the tables of oVirt 4.5's own database, from the CSV files beside this one, owned by role "engine",
-- which has no rights; and the rows that every engine has.  Loads once into a database, before or after the extension;
-- the current folder is the tree's top.
--
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE TEMP TABLE engine_columns (table_name name, position integer, column_name name, data_type text, not_null boolean, column_default text);
CREATE TEMP TABLE engine_constraints (table_name name, kind text, name name, definition text);
CREATE TEMP TABLE engine_indexes (table_name name, name name, definition text);
CREATE TEMP TABLE engine_roles (id uuid, name text, role_type integer, allows_viewing_children boolean, app_mode integer, groups integer[]);
CREATE TEMP TABLE engine_triggers (table_name name, name name, function name, timing text, events text, for_each_row boolean);
\copy engine_columns FROM test/engine/columns.csv CSV HEADER
\copy engine_constraints FROM test/engine/constraints.csv CSV HEADER
\copy engine_indexes FROM test/engine/indexes.csv CSV HEADER
\copy engine_roles FROM test/engine/roles.csv CSV HEADER
\copy engine_triggers FROM test/engine/triggers.csv CSV HEADER
GRANT SELECT ON engine_columns, engine_constraints, engine_indexes, engine_roles, engine_triggers TO PUBLIC;

DO $$
BEGIN
    CREATE ROLE engine NOLOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
CREATE SCHEMA engine AUTHORIZATION engine;
SET ROLE engine;
SET search_path = engine;

-- What the two triggers call.
CREATE FUNCTION fn_image_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM disk_image_dynamic WHERE image_id = OLD.image_guid;
    RETURN OLD;
END
$$;
-- The secrets of a BIOS are worth nothing to a less secure one.
CREATE FUNCTION remove_nvram_data() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.bios_type IN (3, 4) AND NEW.bios_type <> OLD.bios_type THEN
        DELETE FROM vm_nvram_data WHERE vm_id = OLD.vm_guid;
    END IF;
    RETURN NEW;
END
$$;
-- as in the engine's database, where the tables' schema is in everybody's search_path
ALTER FUNCTION fn_image_deleted() SET search_path = engine;
ALTER FUNCTION remove_nvram_data() SET search_path = engine;

DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT DISTINCT format('CREATE SEQUENCE %I%s', substring(column_default FROM 'nextval\(''(\w+)'''),
            CASE data_type WHEN 'bigint' THEN '' ELSE ' AS integer' END)
        FROM pg_temp.engine_columns WHERE column_default LIKE 'nextval(%'
        UNION ALL
        (SELECT format('CREATE TABLE %I (%s)', table_name, string_agg(format('%I %s%s%s', column_name, data_type,
            -- the one that is made of others
            CASE WHEN column_default LIKE '%CASE%' THEN format(' GENERATED ALWAYS AS (%s) STORED', column_default)
                ELSE ' DEFAULT ' || column_default END,
            CASE WHEN not_null THEN ' NOT NULL' END), ', ' ORDER BY position))
        FROM pg_temp.engine_columns GROUP BY table_name ORDER BY table_name)
        UNION ALL
        SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', table_name, name, definition) FROM pg_temp.engine_constraints WHERE kind <> 'f'
        UNION ALL
        SELECT format('CREATE%s INDEX %I ON %I %s', CASE WHEN definition LIKE 'UNIQUE %' THEN ' UNIQUE' END, name, table_name,
            regexp_replace(definition, '^UNIQUE ', ''))
        FROM pg_temp.engine_indexes
        UNION ALL
        SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', table_name, name, definition) FROM pg_temp.engine_constraints WHERE kind = 'f'
        UNION ALL
        SELECT format('CREATE TRIGGER %I %s %s ON %I FOR EACH %s EXECUTE FUNCTION %I()', name, timing, events, table_name,
            CASE WHEN for_each_row THEN 'ROW' ELSE 'STATEMENT' END, function)
        FROM pg_temp.engine_triggers
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

-- The row that a root image's it_guid refers to.
INSERT INTO images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified, volume_type, volume_format, active, volume_classification)
VALUES ('00000000-0000-0000-0000-000000000000', '2008-04-01 00:00+00', 85899345920, '00000000-0000-0000-0000-000000000000', NULL, 0,
    '2008-04-01 00:00+00', 2, 4, true, 0);
-- Blank and the instance types.
INSERT INTO vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, min_allocated_mem, vmt_guid, description, creation_date,
    num_of_monitors, num_of_sockets, entity_type, template_status, origin, usb_policy, default_display_type, time_zone, template_version_number)
SELECT id::uuid, name, memory, memory * 4, memory, id::uuid, name || CASE kind WHEN 'TEMPLATE' THEN ' template' ELSE ' instance type' END,
    '2008-04-01 00:00+00', 1, sockets, kind, 0, CASE kind WHEN 'TEMPLATE' THEN 3 ELSE 0 END, 1, CASE kind WHEN 'TEMPLATE' THEN 1 ELSE 0 END,
    CASE kind WHEN 'INSTANCE_TYPE' THEN 'Etc/GMT' END, CASE kind WHEN 'TEMPLATE' THEN 1 END
FROM (VALUES
    ('00000000-0000-0000-0000-000000000000', 'Blank', 1024, 1, 'TEMPLATE'),
    ('00000003-0003-0003-0003-0000000000be', 'Tiny', 512, 1, 'INSTANCE_TYPE'),
    ('00000005-0005-0005-0005-0000000002e6', 'Small', 2048, 1, 'INSTANCE_TYPE'),
    ('00000007-0007-0007-0007-00000000010a', 'Medium', 4096, 2, 'INSTANCE_TYPE'),
    ('00000009-0009-0009-0009-0000000000f1', 'Large', 8192, 2, 'INSTANCE_TYPE'),
    ('0000000b-000b-000b-000b-00000000021f', 'XLarge', 16384, 4, 'INSTANCE_TYPE')) AS v (id, name, memory, sockets, kind);
INSERT INTO mac_pools (id, name, description, default_pool)
VALUES ('58ca604b-017d-0374-0220-00000000014e', 'Default', 'Default MAC pool', true);
INSERT INTO ad_groups (id, name, external_id)
VALUES ('eee00000-0000-0000-0000-123456789eee', 'Everyone', 'eee00000-0000-0000-0000-123456789eee');
-- The roles, and what is everybody's: to make VMs of Blank and of the instance types, to use the default MAC pool, to edit the own profile.
INSERT INTO roles (id, name, description, is_readonly, role_type, allows_viewing_children, app_mode)
SELECT id, name, '', true, role_type, allows_viewing_children, app_mode FROM pg_temp.engine_roles;
INSERT INTO roles_groups (role_id, action_group_id)
SELECT id, unnest(groups) FROM pg_temp.engine_roles;
INSERT INTO permissions (id, role_id, ad_element_id, object_id, object_type_id)
SELECT md5('permission ' || p.object_id)::uuid, r.id, 'eee00000-0000-0000-0000-123456789eee', p.object_id, p.object_type
FROM (SELECT 'UserTemplateBasedVm' AS role, vm_guid AS object_id, 4 AS object_type FROM vm_static
    UNION ALL SELECT 'MacPoolUser', id, 28 FROM mac_pools
    UNION ALL SELECT 'UserProfileEditor', 'aaa00000-0000-0000-0000-123456789aaa', 1) p
JOIN roles r ON r.name = p.role;

RESET search_path;
RESET ROLE;
DROP TABLE engine_columns, engine_constraints, engine_indexes, engine_roles, engine_triggers;
RESET client_min_messages;
