-- After CREATE EXTENSION in a database that has schema "engine": the functions bound to that schema.
DO $$ BEGIN PERFORM vmclone.use_inventory('engine'); END $$;
