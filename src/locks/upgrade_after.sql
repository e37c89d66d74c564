UPDATE vmclone.request_keys SET owner_role = owner::text::vmclone.role_id;
