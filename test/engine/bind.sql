-- After CREATE EXTENSION in a database that has schema "engine": the roles that come with an engine, as the extension
-- knows them, everyone's right to make VMs of Blank, and the functions bound to that schema.
INSERT INTO engine.roles SELECT * FROM vmclone.roles;
INSERT INTO engine.roles_groups SELECT * FROM vmclone.roles_groups;
INSERT INTO engine.permissions (id, role_id, ad_element_id, object_id, object_type_id)
VALUES ('00000004-0004-0004-0004-000000000355', 'def00009-0000-0000-0000-def000000009', 'eee00000-0000-0000-0000-123456789eee',
    '00000000-0000-0000-0000-000000000000', 4);
DO $$ BEGIN PERFORM vmclone.use_inventory('engine'); END $$;
