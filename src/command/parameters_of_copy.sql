--
-- The parameters of a stored call, for one of its copies alone.  Runs in the extension's own frame.
--

-- What the copy had of its own takes the place of what all had: its vm_static, its interfaces.  The name is not part of
-- it.  p_overrides are laid over the result by name; interfaces in them replace the copy's own ones too.
CREATE FUNCTION vmclone_internal.parameters_of_copy(p_parameters jsonb, p_copy_number integer, p_overrides jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT $1 || jsonb_build_object('copies', 1,
            'vm_static', (COALESCE(NULLIF($1 -> 'vm_static', 'null'), '{}') || COALESCE(NULLIF(c.own -> 'vm_static', 'null'), '{}')) - 'vm_name',
            'copy_overrides', CASE WHEN c.own ? 'interfaces' AND NOT $3 ? 'interfaces' THEN to_jsonb(ARRAY(
                SELECT jsonb_build_object('interfaces', c.own -> 'interfaces')
                FROM generate_series(1, CASE WHEN jsonb_typeof($3 -> 'copies') = 'number' THEN LEAST(($3 ->> 'copies')::numeric, 1000) ELSE 1 END))) END)
        || $3
    FROM (SELECT COALESCE($1 -> 'copy_overrides' -> ($2 - 1), '{}') AS own) c
$$;

-- As above, for a copy that is to be made under the name that it had; {n} in its disks' aliases is the number that it had.
CREATE FUNCTION vmclone_internal.parameters_of_retry(p_parameters jsonb, p_copy_number integer, p_vm_name text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN COALESCE(($1 ->> 'copies')::integer, 1) = 1 THEN $1
        ELSE vmclone_internal.parameters_of_copy($1, $2, jsonb_build_object('vm_name', $3, 'disks', (
            SELECT jsonb_agg(CASE WHEN d ? 'disk_alias' THEN d || jsonb_build_object('disk_alias', replace(d ->> 'disk_alias', '{n}', $2::text)) ELSE d END)
            FROM jsonb_array_elements(NULLIF($1 -> 'disks', 'null')) d))) END
$$;

COMMENT ON FUNCTION vmclone_internal.parameters_of_copy IS 'parameters of a call for one of its copies alone';
COMMENT ON FUNCTION vmclone_internal.parameters_of_retry IS 'parameters of a call that makes a copy again which failed';

REVOKE ALL ON FUNCTION vmclone_internal.parameters_of_copy, vmclone_internal.parameters_of_retry FROM PUBLIC;
