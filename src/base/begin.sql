-- complain if the script is sourced in psql rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vmclone" to load this file. \quit

COMMENT ON SCHEMA @extschema@ IS 'vmclone: clones virtual machines from their snapshots; what is for users is in the documentation''s reference, what is internal says so in its comment';
