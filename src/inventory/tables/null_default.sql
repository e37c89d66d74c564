-- Inventory: NULL where oVirt takes none.
--
-- The engine's tables have these columns NOT NULL with a default since 4.3, and so have these here; but the dump of an older
-- inventory, version 1.0's too, has NULLs in them.  What is inserted with such a NULL gets the default, by a restore as by
-- people.  Not what clones write, in the inventory's frame: it must be right as it is, or be refused here as an engine's tables
-- would refuse it.

CREATE FUNCTION vmclone_internal.null_is_default() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_null_is_default';
COMMENT ON FUNCTION vmclone_internal.null_is_default() IS 'trigger: NULL for a column that takes none becomes its default';
REVOKE ALL ON FUNCTION vmclone_internal.null_is_default() FROM PUBLIC;

CREATE TRIGGER null_is_default BEFORE INSERT ON audit_log FOR EACH ROW
    WHEN (NEW.user_name IS NULL OR NEW.vm_name IS NULL OR NEW.vm_template_name IS NULL OR NEW.vds_name IS NULL OR
        NEW.storage_pool_name IS NULL OR NEW.storage_domain_name IS NULL OR NEW.cluster_name IS NULL OR
        NEW.quota_name IS NULL OR NEW.gluster_volume_name IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON base_disks FOR EACH ROW
    WHEN (NEW.disk_description IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON cluster FOR EACH ROW
    WHEN (NEW.description IS NULL OR NEW.free_text_comment IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON network FOR EACH ROW
    WHEN (NEW.description IS NULL OR NEW.free_text_comment IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON quota FOR EACH ROW
    WHEN (NEW.description IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON storage_domain_static FOR EACH ROW
    WHEN (NEW.storage_comment IS NULL OR NEW.storage_description IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON storage_pool FOR EACH ROW
    WHEN (NEW.free_text_comment IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON users FOR EACH ROW
    WHEN (NEW.department IS NULL OR NEW.name IS NULL OR NEW.surname IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON vm_device FOR EACH ROW
    WHEN (NEW.is_plugged IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON vm_dynamic FOR EACH ROW
    WHEN (NEW.volatile_run IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
CREATE TRIGGER null_is_default BEFORE INSERT ON vm_static FOR EACH ROW
    WHEN (NEW.description IS NULL OR NEW.free_text_comment IS NULL OR NEW.is_template_sealed IS NULL)
    EXECUTE FUNCTION vmclone_internal.null_is_default();
-- also where a parallel restore or a subscription inserts (session_replication_role)
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE base_disks ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE cluster ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE network ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE quota ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE storage_domain_static ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE storage_pool ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE users ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE vm_device ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE vm_dynamic ENABLE ALWAYS TRIGGER null_is_default;
ALTER TABLE vm_static ENABLE ALWAYS TRIGGER null_is_default;

COMMENT ON TRIGGER null_is_default ON audit_log IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON base_disks IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON cluster IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON network IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON quota IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON storage_domain_static IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON storage_pool IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON users IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON vm_device IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON vm_dynamic IS 'what older dumps have as NULL gets the column''s default';
COMMENT ON TRIGGER null_is_default ON vm_static IS 'what older dumps have as NULL gets the column''s default';
