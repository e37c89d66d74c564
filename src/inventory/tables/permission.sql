-- Inventory: users, roles, and who has which role on what.

CREATE TABLE users (
    user_id uuid CONSTRAINT pk_users PRIMARY KEY,
    name varchar(255) NOT NULL DEFAULT '',
    surname varchar(255) NOT NULL DEFAULT '',
    domain varchar(255) NOT NULL,
    username varchar(255) NOT NULL,
    department varchar(255) NOT NULL DEFAULT '',
    email varchar(255),
    note varchar(255),
    last_admin_check_status boolean NOT NULL DEFAULT false,
    external_id text NOT NULL,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    namespace varchar(2048) DEFAULT '*',
    CONSTRAINT users_domain_external_id_unique UNIQUE (domain, external_id)
);
COMMENT ON TABLE users IS 'Users of the engine (not roles of this database)';
COMMENT ON COLUMN users.user_id IS 'Primary key';
COMMENT ON COLUMN users.name IS 'First name';
COMMENT ON COLUMN users.surname IS 'Last name';
COMMENT ON COLUMN users.domain IS 'Authorization domain';
COMMENT ON COLUMN users.username IS 'Name with which the user logs in';
COMMENT ON COLUMN users.department IS 'Department';
COMMENT ON COLUMN users.email IS 'E-mail address';
COMMENT ON COLUMN users.note IS 'Text for people';
COMMENT ON COLUMN users.last_admin_check_status IS 'True: had administrator''s rights when last looked at';
COMMENT ON COLUMN users.external_id IS 'Id in the directory';
COMMENT ON COLUMN users._create_date IS 'When the row was made';
COMMENT ON COLUMN users._update_date IS 'When the row was last changed';
COMMENT ON COLUMN users.namespace IS 'Part of the directory';

CREATE SEQUENCE engine_session_seq;

CREATE TABLE engine_sessions (
    id bigint NOT NULL DEFAULT nextval('engine_session_seq') CONSTRAINT pk_engine_session PRIMARY KEY,
    engine_session_id text NOT NULL,
    user_id uuid NOT NULL,
    user_name varchar(255) NOT NULL,
    group_ids text,
    role_ids text,
    source_ip varchar(50),
    authz_name varchar(255) NOT NULL DEFAULT ''
);
ALTER SEQUENCE engine_session_seq OWNED BY engine_sessions.id;
CREATE INDEX idx_engine_sessions_user_id ON engine_sessions (user_id);
COMMENT ON TABLE engine_sessions IS 'Users who are logged in to the engine';
COMMENT ON COLUMN engine_sessions.id IS 'Number of the row';
COMMENT ON COLUMN engine_sessions.engine_session_id IS 'The session''s key';
COMMENT ON COLUMN engine_sessions.user_id IS 'The user';
COMMENT ON COLUMN engine_sessions.user_name IS 'The user''s name';
COMMENT ON COLUMN engine_sessions.role_ids IS 'Ids of the user''s roles, with commas between them';
COMMENT ON COLUMN engine_sessions.source_ip IS 'Where the user comes from';
COMMENT ON COLUMN engine_sessions.authz_name IS 'The directory that the user is in';
COMMENT ON COLUMN engine_sessions.group_ids IS 'Ids of the user''s groups, with commas between them: their roles are the user''s while the session lasts';
COMMENT ON SEQUENCE engine_session_seq IS 'Numbers of engine_sessions rows';

CREATE TABLE roles (
    id uuid CONSTRAINT pk_roles PRIMARY KEY,
    name varchar(126) NOT NULL,
    description varchar(4000),
    is_readonly boolean NOT NULL,
    role_type integer NOT NULL,
    allows_viewing_children boolean NOT NULL DEFAULT false,
    app_mode integer NOT NULL,
    CONSTRAINT roles_type_code CHECK (role_type = ANY ('{1,2}'))
);
CREATE UNIQUE INDEX idx_roles_name ON roles (name);

COMMENT ON TABLE roles IS 'A named set of action groups';
COMMENT ON COLUMN roles.is_readonly IS 'True: comes with the software and cannot be changed; not in a dump';
COMMENT ON COLUMN roles.role_type IS '1 administrator, 2 user';
COMMENT ON COLUMN roles.app_mode IS 'Bits: 1 virtualization, 2 Gluster; 255 all';
COMMENT ON COLUMN roles.id IS 'Primary key';
COMMENT ON COLUMN roles.name IS 'Unique name';
COMMENT ON COLUMN roles.description IS 'Text for people';
COMMENT ON COLUMN roles.allows_viewing_children IS 'True: who has the role on an object sees what is below it';

CREATE TABLE roles_groups (
    role_id uuid NOT NULL CONSTRAINT fk_roles_groups_action_id REFERENCES roles (id) ON DELETE CASCADE,
    action_group_id integer NOT NULL,
    CONSTRAINT pk_roles_groups PRIMARY KEY (role_id, action_group_id)
);
COMMENT ON TABLE roles_groups IS 'What a role allows';
COMMENT ON COLUMN roles_groups.action_group_id IS '1 create VM, 14 change custom properties, 15 edit administrative VM properties, 901 consume quota, 1100 create disk ... : the engine''s ActionGroup';
COMMENT ON COLUMN roles_groups.role_id IS 'Role';

-- The roles that come with the software and that giving, checking or testing permissions of a clone needs.
INSERT INTO roles (id, name, description, is_readonly, role_type, allows_viewing_children, app_mode) VALUES
    ('00000000-0000-0000-0000-000000000001', 'SuperUser', 'Everything, everywhere', true, 1, true, 255),
    ('00000000-0000-0000-0001-000000000001', 'UserRole', 'Log in and use VMs and pools', true, 2, true, 1),
    ('00000000-0000-0000-0001-000000000002', 'PowerUserRole', 'Create VMs, templates and disks', true, 2, false, 1),
    ('def00006-0000-0000-0000-def000000006', 'UserVmManager', 'All operations on a VM (the VM operator)', true, 2, true, 1),
    ('def0000a-0000-0000-0000-def00000000a', 'QuotaConsumer', 'Consume a quota', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000b', 'DiskOperator', 'All operations on a disk', true, 2, true, 1),
    ('def0000a-0000-0000-0000-def00000000c', 'DiskCreator', 'Create disks', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000d', 'VmCreator', 'Create VMs', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000e', 'TemplateCreator', 'Create templates', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000f', 'TemplateOwner', 'All operations on a template', true, 2, true, 1),
    ('def0000a-0000-0000-0000-def000000010', 'VnicProfileUser', 'Use a vNIC profile', true, 2, false, 1),
    ('def00009-0000-0000-0000-def000000009', 'UserTemplateBasedVm', 'Create VMs from a template', true, 2, false, 1),
    ('def00020-0000-0000-0000-abc000000010', 'DiskProfileUser', 'Use a disk profile', true, 2, false, 1),
    ('def00017-0000-0000-0000-def000000017', 'CpuProfileOperator', 'Use a CPU profile', true, 2, false, 1);

INSERT INTO roles_groups (role_id, action_group_id)
SELECT role_id::uuid, unnest(groups::integer[])
FROM (VALUES
    ('00000000-0000-0000-0000-000000000001', '{1,2,3,5,6,7,8,9,10,11,12,13,14,15,17,18,19,21,22,23,100,101,102,103,104,
        200,201,202,203,204,205,300,301,302,303,400,401,402,403,404,500,501,502,503,600,
        601,602,603,700,701,702,703,704,705,800,900,901,1000,1001,1002,1003,1004,1100,
        1101,1102,1103,1104,1105,1106,1107,1108,1109,1110,1203,1204,1205,1300,1301,1302,
        1303,1304,1400,1500,1550,1560,1561,1562,1563,1660,1661,1662,1663,1664,1665,1666,
        1667,1668}'),
    ('00000000-0000-0000-0001-000000000001', '{5,7,17,18,19,21,22,23,303,1106,1300}'),
    ('00000000-0000-0000-0001-000000000002', '{1,200,1100,1106,1300,1563,1665,1666,1667,1668}'),
    ('def00006-0000-0000-0000-def000000006', '{1,2,3,5,7,9,10,12,17,18,19,21,22,23,502,503,1100,1101,1102,1104,1108,1109,
        1110,1300,1664,1668}'),
    ('def0000a-0000-0000-0000-def00000000a', '{901}'),
    ('def0000a-0000-0000-0000-def00000000b', '{502,503,1100,1101,1102,1104,1108,1109,1110,1300}'),
    ('def0000a-0000-0000-0000-def00000000c', '{1100,1300}'),
    ('def0000a-0000-0000-0000-def00000000d', '{1,1100,1300,1668}'),
    ('def0000a-0000-0000-0000-def00000000e', '{200,1300}'),
    ('def0000a-0000-0000-0000-def00000000f', '{201,202,203,204,502,503,1300}'),
    ('def0000a-0000-0000-0000-def000000010', '{9,204,1300}'),
    ('def00009-0000-0000-0000-def000000009', '{1,1668}'),
    ('def00020-0000-0000-0000-abc000000010', '{1563}'),
    ('def00017-0000-0000-0000-def000000017', '{1668}')
) AS seed (role_id, groups);

CREATE TABLE permissions (
    id uuid CONSTRAINT pk_permissions_id PRIMARY KEY,
    role_id uuid NOT NULL CONSTRAINT fk_permissions_roles REFERENCES roles (id) ON DELETE CASCADE,
    ad_element_id uuid NOT NULL,
    object_id uuid NOT NULL,
    object_type_id integer NOT NULL,
    creation_date bigint DEFAULT extract(epoch FROM now())::bigint,
    CONSTRAINT permissions_once UNIQUE (ad_element_id, role_id, object_id)
);
CREATE INDEX idx_permissions_object_id ON permissions (object_id);
CREATE INDEX idx_permissions_role_id ON permissions (role_id);

COMMENT ON TABLE permissions IS 'Who (a user or group) has which role on which object; it counts for what the object contains too';
COMMENT ON COLUMN permissions.ad_element_id IS 'User or group; eee00000-0000-0000-0000-123456789eee = everyone';
COMMENT ON COLUMN permissions.object_id IS 'The object; aaa00000-0000-0000-0000-123456789aaa = the system, that is everything';
COMMENT ON COLUMN permissions.object_type_id IS '1 system, 2 VM, 3 host, 4 template, 5 VM pool, 9 cluster, 11 storage domain, 14 data center, 17 quota, 19 disk, 20 network, 27 vNIC profile, 29 disk profile, 30 CPU profile';
COMMENT ON COLUMN permissions.creation_date IS 'Seconds since 1970';
COMMENT ON COLUMN permissions.id IS 'Primary key';
COMMENT ON COLUMN permissions.role_id IS 'What is allowed (roles)';

SELECT pg_catalog.pg_extension_config_dump('users', '');
SELECT pg_catalog.pg_extension_config_dump('engine_sessions', '');
SELECT pg_catalog.pg_extension_config_dump('engine_session_seq', '');
SELECT pg_catalog.pg_extension_config_dump('roles', 'WHERE NOT is_readonly');
SELECT pg_catalog.pg_extension_config_dump('roles_groups', 'WHERE role_id IN (SELECT id FROM @extschema@.roles WHERE NOT is_readonly)');
SELECT pg_catalog.pg_extension_config_dump('permissions', '');

REVOKE ALL ON users, engine_sessions, roles, roles_groups, permissions FROM PUBLIC;
REVOKE ALL ON SEQUENCE engine_session_seq FROM PUBLIC;

