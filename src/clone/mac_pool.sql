--
-- MAC addresses of a pool of the bound inventory.
--

CREATE FUNCTION vmclone_internal.mac_pool_free_addresses(p_mac_pool_id uuid, p_count integer, p_after bigint, p_except text[])
RETURNS bigint[]
LANGUAGE C STABLE
AS 'MODULE_PATHNAME', 'vmclone_mac_pool_free_addresses';

COMMENT ON FUNCTION vmclone_internal.mac_pool_free_addresses IS 'up to so many free addresses of a MAC pool, as numbers, in the order in which clones get them: upwards from the address after p_after, then from the pool''s first one';

REVOKE ALL ON FUNCTION vmclone_internal.mac_pool_free_addresses FROM PUBLIC;
