--
-- The call that made a clone, once more.
--

CREATE FUNCTION vmclone.clone_again(
    vm_id uuid,
    vm_name text DEFAULT NULL,
    overrides jsonb DEFAULT '{}',
    OUT copy_number integer, OUT job_id uuid, OUT new_vm_id uuid, OUT new_vm_name text, OUT status text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_clone_again';

COMMENT ON FUNCTION vmclone.clone_again(uuid, text, jsonb) IS 'runs the call that made a clone again, for this copy: same snapshot and parameters, overrides laid over them by name, all checks, new ids';

REVOKE ALL ON FUNCTION vmclone.clone_again(uuid, text, jsonb) FROM PUBLIC;
