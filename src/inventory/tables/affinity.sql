-- Inventory: affinity groups and affinity labels.

CREATE TABLE affinity_groups (
    id uuid CONSTRAINT affinity_group_pk PRIMARY KEY,
    name varchar(255) NOT NULL,
    description varchar(4000),
    cluster_id uuid NOT NULL CONSTRAINT affinity_group_cluster_id_fk REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    vm_positive boolean DEFAULT true,
    vm_enforcing boolean NOT NULL DEFAULT true,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    vds_positive boolean NOT NULL DEFAULT true,
    vds_enforcing boolean NOT NULL DEFAULT false,
    vms_affinity_enabled boolean NOT NULL DEFAULT true,
    vds_affinity_enabled boolean NOT NULL DEFAULT false,
    priority bigint NOT NULL DEFAULT 10000000
);
CREATE INDEX idx_affinity_group_cluster_id ON affinity_groups (cluster_id);

COMMENT ON TABLE affinity_groups IS 'VMs that should run on the same host, on certain hosts, or apart';
COMMENT ON COLUMN affinity_groups.vm_positive IS 'True: VMs together; false: apart';
COMMENT ON COLUMN affinity_groups.vm_enforcing IS 'True: a must; false: a wish';
COMMENT ON COLUMN affinity_groups.id IS 'Primary key';
COMMENT ON COLUMN affinity_groups.name IS 'Unique name';
COMMENT ON COLUMN affinity_groups.description IS 'Text for people';
COMMENT ON COLUMN affinity_groups.cluster_id IS 'Cluster whose VMs and hosts are meant';
COMMENT ON COLUMN affinity_groups._create_date IS 'When the row was made';
COMMENT ON COLUMN affinity_groups._update_date IS 'When the row was last changed';
COMMENT ON COLUMN affinity_groups.vds_positive IS 'True: the VMs run on the hosts of the group; false: not on them';
COMMENT ON COLUMN affinity_groups.vds_enforcing IS 'True: a must for hosts; false: a wish';
COMMENT ON COLUMN affinity_groups.vms_affinity_enabled IS 'False: the rule between VMs is off';
COMMENT ON COLUMN affinity_groups.vds_affinity_enabled IS 'False: the rule about hosts is off';
COMMENT ON COLUMN affinity_groups.priority IS 'Which group wins where two contradict each other';

CREATE TABLE affinity_group_members (
    affinity_group_id uuid NOT NULL CONSTRAINT affinity_group_member_affinity_id_fk REFERENCES affinity_groups (id) ON DELETE CASCADE,
    vm_id uuid CONSTRAINT affinity_group_member_vm_id_fk REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    vds_id uuid,
    CONSTRAINT affinity_group_members_one_kind CHECK ((vm_id IS NULL) <> (vds_id IS NULL))
);
-- no key, as in oVirt: a publication takes the whole row
ALTER TABLE affinity_group_members REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX idx_affinity_group_members_vm ON affinity_group_members (affinity_group_id, vm_id) WHERE vm_id IS NOT NULL;
CREATE UNIQUE INDEX idx_affinity_group_members_vds ON affinity_group_members (affinity_group_id, vds_id) WHERE vds_id IS NOT NULL;
CREATE INDEX idx_affinity_group_members_vm_id ON affinity_group_members (vm_id);
COMMENT ON TABLE affinity_group_members IS 'A VM (vm_id) or a host (vds_id) in an affinity group';
COMMENT ON COLUMN affinity_group_members.affinity_group_id IS 'Group';
COMMENT ON COLUMN affinity_group_members.vm_id IS 'Member VM; NULL for a host';
COMMENT ON COLUMN affinity_group_members.vds_id IS 'Member host; NULL for a VM';

CREATE TABLE labels (
    label_id uuid CONSTRAINT labels_pk PRIMARY KEY,
    label_name varchar(50) NOT NULL CONSTRAINT label_name UNIQUE,
    read_only boolean NOT NULL DEFAULT false,
    has_implicit_affinity_group boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE labels IS 'Affinity labels: names that tie VMs to hosts';
COMMENT ON COLUMN labels.has_implicit_affinity_group IS 'True: VMs with the label must run on hosts with the label';
COMMENT ON COLUMN labels.label_id IS 'Primary key';
COMMENT ON COLUMN labels.label_name IS 'Unique name';
COMMENT ON COLUMN labels.read_only IS 'True: the engine''s own, not to be changed';

CREATE TABLE labels_map (
    label_id uuid NOT NULL CONSTRAINT labels_map_label_id_fk REFERENCES labels (label_id) ON DELETE CASCADE,
    vm_id uuid CONSTRAINT labels_map_vm_id_fk REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    vds_id uuid,
    CONSTRAINT labels_map_one_kind CHECK ((vm_id IS NULL) <> (vds_id IS NULL))
);
-- no key, as in oVirt: a publication takes the whole row
ALTER TABLE labels_map REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX idx_labels_map_vm ON labels_map (label_id, vm_id) WHERE vm_id IS NOT NULL;
CREATE UNIQUE INDEX idx_labels_map_vds ON labels_map (label_id, vds_id) WHERE vds_id IS NOT NULL;
CREATE INDEX idx_labels_map_vm_id ON labels_map (vm_id);
COMMENT ON TABLE labels_map IS 'A VM (vm_id) or a host (vds_id) that has a label';
COMMENT ON COLUMN labels_map.label_id IS 'Label';
COMMENT ON COLUMN labels_map.vm_id IS 'VM that has it; NULL for a host';
COMMENT ON COLUMN labels_map.vds_id IS 'Host that has it; NULL for a VM';

SELECT pg_catalog.pg_extension_config_dump('affinity_groups', '');
SELECT pg_catalog.pg_extension_config_dump('affinity_group_members', '');
SELECT pg_catalog.pg_extension_config_dump('labels', '');
SELECT pg_catalog.pg_extension_config_dump('labels_map', '');

REVOKE ALL ON affinity_groups, affinity_group_members, labels, labels_map FROM PUBLIC;

