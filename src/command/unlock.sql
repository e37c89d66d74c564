CREATE FUNCTION vmclone.unlock_entity(kind text, id uuid) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_unlock_entity';

COMMENT ON FUNCTION vmclone.unlock_entity(text, uuid) IS 'administrators: takes the lock off a snapshot, image, disk, vm or template that no live job holds; audited';

REVOKE ALL ON FUNCTION vmclone.unlock_entity(text, uuid) FROM PUBLIC;
