-- Rows are written and locked without statements, and what tables' own objects say of each row holds all the same.
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

-- What the call itself has written, and a function takes away: behind its table, and within the next one.
CREATE FUNCTION public.take_vm() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM vm_static WHERE vm_guid = NEW.vm_guid;
    RETURN NULL;
END
$$;
CREATE TRIGGER take_vm AFTER INSERT ON vm_static FOR EACH ROW EXECUTE FUNCTION public.take_vm();
SELECT throws_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'gone', lock_mode => 'shared')$$, '23503', NULL, 'a row that a trigger took away is not taken for there');
DROP TRIGGER take_vm ON vm_static;
CREATE FUNCTION public.take_images() RETURNS integer LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM images i WHERE NOT EXISTS (SELECT FROM image_storage_domain_map m WHERE m.image_id = i.image_guid);
    RETURN 1;
END
$$;
ALTER TABLE image_storage_domain_map ADD COLUMN of_user integer;
ALTER TABLE image_storage_domain_map ALTER of_user SET DEFAULT public.take_images();
SELECT throws_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'imageless', lock_mode => 'shared')$$, '23503', NULL, 'nor one that a default took away');
ALTER TABLE image_storage_domain_map DROP COLUMN of_user;
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'whole', lock_mode => 'shared')$$, 'and nothing is left of that');

-- A check that was added in the session, and one whose function changes.
CREATE FUNCTION public.allowed(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
ALTER TABLE vm_device ADD CONSTRAINT of_function CHECK (public.allowed(device));
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'allowed', lock_mode => 'shared')$$, 'a new check holds');
CREATE OR REPLACE FUNCTION public.allowed(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT $1 = 'nothing'$$;
SELECT throws_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'refused', lock_mode => 'shared')$$, '23514', NULL, 'and is another one when its function is');

ALTER TABLE vm_device DROP CONSTRAINT of_function;

-- Statuses that are set: the same triggers fire, for the same rows, as for an UPDATE of the column.
CREATE TABLE public.seen (name text, rows bigint);
GRANT ALL ON public.seen TO PUBLIC;
CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        INSERT INTO public.seen VALUES (TG_NAME, 1);
    ELSE
        INSERT INTO public.seen SELECT TG_NAME, count(*) FROM new_rows n JOIN old_rows o USING (image_guid) WHERE n.imagestatus <> o.imagestatus;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER of_status AFTER UPDATE OF imagestatus ON images FOR EACH ROW EXECUTE FUNCTION public.see();
CREATE TRIGGER of_size AFTER UPDATE OF size ON images FOR EACH ROW EXECUTE FUNCTION public.see();
CREATE TRIGGER of_all AFTER UPDATE ON images REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.see();
SELECT count(*) AS made FROM (SELECT fixture.make_vm('two', disks => 2)) v \gset
DELETE FROM public.seen;
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'of_two')$$, 'a call locks its source');
SELECT results_eq($$SELECT name COLLATE "C", sum(rows)::bigint FROM public.seen GROUP BY 1 ORDER BY 1$$,
    $$SELECT t COLLATE "C", count(*) FROM (VALUES ('of_all'), ('of_status')) v(t), images WHERE image_group_id IN (fixture.disk('two', 1), fixture.disk('two', 2)) AND imagestatus = 2 GROUP BY 1 ORDER BY 1$$,
    'and triggers see each row that becomes LOCKED');

CREATE FUNCTION public.set_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lastmodified := '2001-01-01';
    RETURN NEW;
END
$$;
CREATE TRIGGER set_time BEFORE UPDATE ON images FOR EACH ROW EXECUTE FUNCTION public.set_time();
SELECT count(*) AS made FROM (SELECT fixture.make_vm('three')) v \gset
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('three', 1), 'of_three')$$, 'beside a trigger that changes the rows');
SELECT ok(bool_and(lastmodified = '2001-01-01') AND count(*) > 0, 'which it does') FROM images
WHERE image_group_id = fixture.disk('three', 1) AND imagestatus = 2;
DROP TRIGGER set_time ON images;

-- A trigger of the snapshot's row changes those of the images, which the call has locked already.
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE images SET lastmodified = '2002-02-02' WHERE vm_snapshot_id = NEW.snapshot_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER touch AFTER UPDATE ON snapshots FOR EACH ROW EXECUTE FUNCTION public.touch();
SELECT count(*) AS made FROM (SELECT fixture.make_vm('four')) v \gset
SELECT lives_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('four', 1), 'of_four')$$, 'beside a trigger that changes other rows of the call''s');
SELECT results_eq($$SELECT imagestatus, lastmodified FROM images WHERE image_guid = fixture.image('four', 1, 1)$$, $$VALUES (2, '2002-02-02'::timestamptz)$$,
    'what it changed stays, and is LOCKED');
DROP TRIGGER touch ON snapshots;

ALTER TABLE snapshots ADD CONSTRAINT never_locked CHECK (status <> 'LOCKED') NOT VALID;
SELECT count(*) AS made FROM (SELECT fixture.make_vm('five')) v \gset
SELECT throws_ok($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('five', 1), 'of_five')$$, '23514', NULL, 'a check that forbids it holds');
SELECT is((SELECT status::text FROM snapshots WHERE snapshot_id = fixture.snapshot('five', 1)), 'OK', 'and nothing is done');

SELECT * FROM finish();
ROLLBACK;
