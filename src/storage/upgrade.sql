ALTER TABLE vmclone.operators DROP CONSTRAINT operators_pkey;
