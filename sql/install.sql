CREATE EXTENSION vmclone;
SELECT extname, extversion, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vmclone';
-- in a database of another encoding too, where trees have no boxes
SELECT 'install_' || current_database() AS other, current_database() AS here \gset
CREATE DATABASE :"other" ENCODING 'EUC_JP' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c :other
CREATE EXTENSION vmclone;
INSERT INTO vmclone.lineage (vm_id, vm_name, entity_type, source_vm_id, source_vm_name, source_snapshot_id, job_id, copy_number, created_by, parameters, devices, row_ids)
VALUES ('00000000-0000-0000-0000-000000000001', 'kid', 'VM', '00000000-0000-0000-0000-000000000002', 'parent', '00000000-0000-0000-0000-000000000003',
    '00000000-0000-0000-0000-000000000004', 1, 'me', '{}', '[]', '{}');
SELECT tree FROM vmclone.lineage_tree('00000000-0000-0000-0000-000000000002');
\c :here
DROP DATABASE :"other" WITH (FORCE);
