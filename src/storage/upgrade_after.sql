-- Names were all that version 1.0 kept: who has them now has what is theirs.
UPDATE vmclone.operators SET role = role_name::text::vmclone.role_id;
UPDATE vmclone.lineage SET created_by_role = created_by::text::vmclone.role_id;
-- What 1.0 had attached lies on the machine of the database.
ALTER TABLE vmclone.storage_mounts ADD PRIMARY KEY (storage_domain_id, host_name),
    ADD FOREIGN KEY (host_name) REFERENCES vmclone.hosts (host_name);
