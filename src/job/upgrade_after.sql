UPDATE vmclone.jobs SET owner_role = owner::text::vmclone.role_id;
