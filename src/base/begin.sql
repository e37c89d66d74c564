-- complain if the script is sourced in psql rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vmclone" to load this file. \quit

COMMENT ON SCHEMA @extschema@ IS 'vmclone: clones virtual machines from their snapshots; its routines and views are for users, tables are read through views';

-- What only the extension itself calls: \df vmclone.* shows what is for users.
CREATE SCHEMA vmclone_internal;
COMMENT ON SCHEMA vmclone_internal IS 'Routines that vmclone itself calls, and its triggers; not for users, and others with every version';
REVOKE ALL ON SCHEMA vmclone_internal FROM PUBLIC;
