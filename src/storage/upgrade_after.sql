-- Names were all that version 1.0 kept: who has them now has what is theirs.
UPDATE vmclone.operators SET role = role_name::text::vmclone.role_id;
UPDATE vmclone.lineage SET created_by_role = created_by::text::vmclone.role_id;
