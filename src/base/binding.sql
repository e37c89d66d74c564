-- Which schema's tables are the inventory.  The choice is made again after a restore: the tables it names may not be
-- there, or be somebody else's.

CREATE TABLE inventory_binding (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema_name name NOT NULL,
    owner oid NOT NULL,
    database_oid oid NOT NULL,
    bound_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE inventory_binding IS 'The schema whose tables all functions work on; not dumped: use_inventory makes it, CREATE EXTENSION for its own schema';
COMMENT ON COLUMN inventory_binding.owner IS 'Role that owns all inventory tables, and as which all inventory statements run';
COMMENT ON COLUMN inventory_binding.database_oid IS 'The database that the choice was made in';
COMMENT ON COLUMN inventory_binding.only_row IS 'Always true: the table has one row';
COMMENT ON COLUMN inventory_binding.schema_name IS 'Schema whose tables all statements work on';
COMMENT ON COLUMN inventory_binding.bound_at IS 'When use_inventory was called';

CREATE TABLE inventory_choice (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema_name name NOT NULL CHECK (schema_name <> '@extschema@')
);
COMMENT ON TABLE inventory_choice IS 'Set while another schema than the extension''s own is the inventory.  Dumped, so that a restored database knows that a choice must be made again';
COMMENT ON COLUMN inventory_choice.only_row IS 'Always true: the table has one row';
COMMENT ON COLUMN inventory_choice.schema_name IS 'Schema of a foreign inventory; no row: vmclone''s own';

INSERT INTO inventory_binding (schema_name, owner, database_oid)
SELECT '@extschema@', relowner, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
FROM pg_catalog.pg_class WHERE oid = '@extschema@.vm_static'::pg_catalog.regclass;

-- The bound inventory: one row, or an error that says what to do.
CREATE FUNCTION vmclone_internal.current_inventory(OUT schema_name name, OUT owner name)
LANGUAGE C STABLE
AS 'MODULE_PATHNAME', 'vmclone_current_inventory';
COMMENT ON FUNCTION vmclone_internal.current_inventory() IS 'schema and owner of the inventory that all functions work on';

SELECT pg_catalog.pg_extension_config_dump('inventory_choice', '');

REVOKE ALL ON inventory_binding, inventory_choice FROM PUBLIC;
REVOKE ALL ON FUNCTION vmclone_internal.current_inventory() FROM PUBLIC;

