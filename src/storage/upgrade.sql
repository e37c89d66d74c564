ALTER TABLE vmclone.operators DROP CONSTRAINT operators_pkey;
ALTER TABLE vmclone.storage_mounts DROP CONSTRAINT storage_mounts_kind_check;
ALTER TABLE vmclone.storage_mounts ADD CONSTRAINT storage_mounts_kind_check CHECK (kind = ANY ('{file,block,directory}'));
ALTER TABLE vmclone.storage_mounts DROP CONSTRAINT storage_mounts_pkey;
