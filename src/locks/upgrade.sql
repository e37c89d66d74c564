ALTER TABLE vmclone.request_keys DROP CONSTRAINT request_keys_pkey;
ALTER TABLE vmclone.request_keys ADD PRIMARY KEY (call_id);
