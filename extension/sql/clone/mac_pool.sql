--
-- MAC addresses of a pool.  Runs in an inventory frame: names without a schema are the bound inventory's.
--

-- Up to p_count free addresses of a pool, as numbers, in scan order: upwards from the address after p_after, then
-- from the pool's first one.  Ranges may overlap.  Multicast addresses are never given.  The cost depends on how
-- many used addresses lie in the way, not on the size of the pool.
CREATE FUNCTION vmclone.mac_pool_free_addresses(p_mac_pool_id uuid, p_count integer, p_after bigint, p_except text[])
RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    ranges int8multirange;
    duplicates boolean;
    piece int8range;
    first bigint;
    step bigint;
    found bigint[] := '{}';
BEGIN
    SELECT p.allow_duplicate_mac_addresses INTO duplicates FROM mac_pools p WHERE p.id = p_mac_pool_id;
    SELECT range_agg(int8range(('x' || translate(r.from_mac, ':', ''))::bit(48)::bigint,
                               ('x' || translate(r.to_mac, ':', ''))::bit(48)::bigint, '[]'))
    INTO ranges
    FROM mac_pool_ranges r WHERE r.mac_pool_id = p_mac_pool_id;

    FOR piece IN
        SELECT u.r FROM unnest(ranges * int8multirange(int8range(coalesce(p_after, -1) + 1, NULL))) WITH ORDINALITY u (r, n)
        UNION ALL
        SELECT u.r FROM unnest(ranges * int8multirange(int8range(NULL, coalesce(p_after, -1), '[]'))) WITH ORDINALITY u (r, n)
    LOOP
        first := lower(piece);
        step := greatest(2 * p_count, 32);
        WHILE first < upper(piece) AND cardinality(found) < p_count LOOP
            -- OFFSET 0 keeps the look-up one index probe an address
            found := found || ARRAY (
                SELECT c.number
                FROM generate_series(first, least(first + step, upper(piece)) - 1) AS c (number),
                    LATERAL (SELECT lpad(to_hex(c.number), 12, '0')::macaddr::text) AS t (address)
                WHERE (c.number >> 40) & 1 = 0
                    AND t.address <> ALL (p_except)
                    AND (duplicates OR NOT EXISTS (
                        SELECT FROM vm_interface i WHERE lower(i.mac_addr) = t.address OFFSET 0))
                LIMIT p_count - cardinality(found));
            first := first + step;
            step := least(2 * step, 65536);
        END LOOP;
        EXIT WHEN cardinality(found) >= p_count;
    END LOOP;
    RETURN found;
END
$$;

COMMENT ON FUNCTION vmclone.mac_pool_free_addresses IS 'internal: free addresses of a MAC pool, in scan order';

REVOKE ALL ON FUNCTION vmclone.mac_pool_free_addresses FROM PUBLIC;
