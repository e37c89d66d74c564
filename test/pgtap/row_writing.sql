-- Rows are written without statements, and what tables' own objects say of each row holds all the same.
\set ON_ERROR_STOP on
SET client_min_messages = error;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
SELECT fixture.attach_domains();
SELECT count(*) AS made FROM (SELECT fixture.make_vm('one')) v \gset

-- A foreign key of a user's: the second device's trigger takes away what the first one has found.
CREATE TABLE public.found (id integer PRIMARY KEY);
INSERT INTO public.found VALUES (1);
GRANT ALL ON public.found TO PUBLIC;
ALTER TABLE vm_device ADD COLUMN of_user integer DEFAULT 1;
UPDATE vm_device SET of_user = NULL;
ALTER TABLE vm_device ADD CONSTRAINT of_user_found FOREIGN KEY (of_user) REFERENCES public.found;
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'kept', lock_mode => 'shared')$$, 'the key holds');
UPDATE vm_device SET of_user = NULL;

CREATE FUNCTION public.take_away() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (SELECT count(*) FROM vm_device WHERE vm_id = NEW.vm_id) = 2 THEN
        UPDATE vm_device SET of_user = NULL WHERE of_user IS NOT NULL;
        DELETE FROM public.found;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER take_away BEFORE INSERT ON vm_device FOR EACH ROW EXECUTE FUNCTION public.take_away();
SELECT throws_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'taken', lock_mode => 'shared')$$, '23503', NULL, 'what a trigger has taken away is not found any more');
DROP TRIGGER take_away ON vm_device;
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'again', lock_mode => 'shared')$$, 'nothing is left of it');

-- A check that was added in the session, and one whose function changes.
CREATE FUNCTION public.allowed(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
ALTER TABLE vm_device ADD CONSTRAINT of_function CHECK (public.allowed(device));
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'allowed', lock_mode => 'shared')$$, 'a new check holds');
CREATE OR REPLACE FUNCTION public.allowed(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT $1 = 'nothing'$$;
SELECT throws_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'refused', lock_mode => 'shared')$$, '23514', NULL, 'and is another one when its function is');

SELECT * FROM finish();
ROLLBACK;
