# Users' own objects on the inventory's tables: constraints that are checked at COMMIT, as web frameworks make them, and
# publications of tables that have no key.  Calls work, and cleaning too.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('objects', conf => "wal_level = logical\nvmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { size => '64M', writes => 10 } ], rows => { nics => 1 });
my $snapshot = $vm->{snapshots}[1];
my ($code, $out, $err, $job);

sub call { my ($name, $more) = @_; return "vmclone.add_vm_from_snapshot('$snapshot', '$name'" . ($more ? ", $more" : '') . ')' }

# What a job leaves of a clone: none of its rows.
sub nothing_left
{
	my ($job, $what) = @_;
	is( $node->value("SELECT (SELECT count(*) FROM vmclone.vm_static WHERE vm_guid = '$job->{vm_id}') + (SELECT count(*) FROM vmclone.vm_device WHERE vm_id = '$job->{vm_id}')"
			  . " + (SELECT count(*) FROM vmclone.snapshots WHERE vm_id = '$job->{vm_id}')"), 0, "$what: no row is left");
	return;
}

# a framework's tables, of a role of its own: a foreign key and a constraint trigger that wait for COMMIT
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE web;
CREATE SCHEMA web AUTHORIZATION web;
GRANT USAGE ON SCHEMA web TO PUBLIC;
GRANT REFERENCES ON vmclone.vm_static TO web;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO web', (SELECT nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE c.oid = 'vmclone.vm_static'::regclass)); END $$;
SET ROLE web;
CREATE TABLE web.note (id integer PRIMARY KEY,
    vm_id uuid CONSTRAINT note_vm REFERENCES vmclone.vm_static (vm_guid) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE web.seen (image uuid, what text);
CREATE FUNCTION web.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('web.refuse', true) = 'on' THEN
        RAISE EXCEPTION 'the framework refuses image %', NEW.image_guid;
    END IF;
    INSERT INTO web.seen VALUES (coalesce(NEW.image_guid, OLD.image_guid), TG_OP);
    RETURN NULL;
END $$;
GRANT SELECT ON web.note TO PUBLIC;
RESET ROLE;
CREATE CONSTRAINT TRIGGER web_sees AFTER INSERT OR UPDATE OR DELETE ON vmclone.images DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION web.see();
-- and one that only waits where somebody asks for it
ALTER TABLE vmclone.snapshots ADD CONSTRAINT web_unique UNIQUE (snapshot_id, vm_id) DEFERRABLE;
SQL

$node->safe_psql('postgres', "BEGIN; INSERT INTO web.note VALUES (1, '$vm->{vm_id}'); SELECT * FROM " . call('held', 'start_paused => true')
	  . "; INSERT INTO web.note SELECT 2, vm_id FROM vmclone.jobs; INSERT INTO web.note VALUES (3, gen_random_uuid()); DELETE FROM web.note WHERE id = 3; COMMIT");
pass('a call with deferred constraints, whose state is as before behind it');
$job = $node->row("SELECT * FROM vmclone.jobs WHERE vm_name = 'held'");
is($node->value("SELECT count(*) FROM web.seen WHERE what = 'INSERT'"), 1, 'the constraint trigger has seen the new image');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
ok($node->poll_query_until('postgres', "SELECT cleaning_error LIKE '%web.note%' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'a row that refers to the clone stands in the way of cleaning, by name');
$node->safe_psql('postgres', "DELETE FROM web.note WHERE id = 2; SELECT vmclone.retry_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', 'without it the clone is cleaned');
nothing_left($job, 'deferred constraints');

$node->safe_psql('postgres', 'BEGIN; SET CONSTRAINTS ALL DEFERRED; SELECT * FROM ' . call('copy1') . '; COMMIT');
$job = $node->row("SELECT * FROM vmclone.jobs WHERE vm_name = 'copy1'");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone ends well, under SET CONSTRAINTS ALL DEFERRED too');
$node->images_equal($job->{vm_id}, $vm, 1);

($code, $out, $err) = $node->psql('postgres', "BEGIN; INSERT INTO web.note VALUES (4, '00000000-0000-0000-0000-00000000dead'); SELECT * FROM " . call('copy2'));
like($err, qr/violates foreign key constraint "note_vm".*checking constraint "note_vm" of table "note" before vmclone writes/s,
	"what the caller's transaction has pending of them is checked by the call, and named");
($code, $out, $err) = $node->psql('postgres', "SET web.refuse = on; SELECT * FROM " . call('copy2'));
like($err, qr/the framework refuses image/, 'a constraint trigger that refuses says so itself');
unlike($err, qr/security-restricted/, 'and no word of how the call runs');

# pending triggers are not the caller's way to the extension owner's rights
$node->safe_psql('postgres', <<'SQL');
SET ROLE web;
CREATE TABLE web.who (name text);
CREATE FUNCTION web.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO web.who VALUES (current_user); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON web.note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION web.tell();
RESET ROLE;
SQL
$node->safe_psql('postgres', "BEGIN; INSERT INTO web.note VALUES (5, '$vm->{vm_id}'); SELECT * FROM " . call('copy3', 'start_paused => true') . '; COMMIT');
is($node->value('SELECT string_agg(name, \' \') FROM web.who'), 'postgres', "other tables' triggers wait for COMMIT as before");
$node->safe_psql('postgres', "SELECT vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE vm_name = 'copy3'");
is($node->wait_for_job($node->value("SELECT job_id FROM vmclone.jobs WHERE vm_name = 'copy3'")), 'cancelled', 'that one is cleaned, too');

# a constraint that is gone since it was looked up
$node->safe_psql('postgres', 'DROP TRIGGER web_sees ON vmclone.images');
$job = $node->clone($snapshot, vm_name => 'copy4');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a constraint that is dropped is forgotten');

# A publication of all tables: nobody may delete from those that have neither key nor replica identity, nor does a foreign
# key's ON DELETE CASCADE.  Cleaning goes on.
$node->safe_psql('postgres', "ALTER TABLE vmclone.$_ REPLICA IDENTITY DEFAULT") foreach qw(labels_map affinity_group_members mac_pool_ranges);
$node->safe_psql('postgres', "CREATE PUBLICATION everything FOR ALL TABLES; SELECT pg_create_logical_replication_slot('look', 'test_decoding')");
($code, $out, $err) = $node->psql('postgres', "DELETE FROM vmclone.labels_map WHERE false");
like($err, qr/does not have a replica identity/, 'such a table refuses every DELETE');
$job = $node->clone($snapshot, vm_name => 'copy5', start_paused => 'true');
$node->safe_psql('postgres', <<"SQL");
ALTER TABLE vmclone.vm_host_pinning_map DROP CONSTRAINT IF EXISTS pk_vm_host_pinning_map;
SET session_replication_role = replica;
INSERT INTO vmclone.vm_host_pinning_map (vm_id, vds_id) VALUES ('$job->{vm_id}', gen_random_uuid());
RESET session_replication_role;
SELECT vmclone.cancel_job('$job->{job_id}');
SQL
is($node->wait_for_job($job->{job_id}), 'cancelled', 'a clone is cleaned under a publication of all tables');
nothing_left($job, 'publication');
is($node->value("SELECT count(*) FROM vmclone.vm_host_pinning_map WHERE vm_id = '$job->{vm_id}'"), 0, 'nor one in a table without a key');
like($node->value(q{SELECT string_agg(data, ' ') FROM pg_logical_slot_get_changes('look', NULL, NULL) WHERE data ~ 'vm_static: DELETE'}),
	qr/vm_guid\[uuid\]:'\Q$job->{vm_id}\E'/, 'subscribers learn of the VM by its key');
$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('look'); INSERT INTO web.note VALUES (6, '$vm->{vm_id}')");
$job = $node->clone($snapshot, vm_name => 'copy6', start_paused => 'true');
$node->safe_psql('postgres', "INSERT INTO web.note VALUES (7, '$job->{vm_id}'); SELECT vmclone.cancel_job('$job->{job_id}')");
ok($node->poll_query_until('postgres', "SELECT cleaning_error LIKE '%web.note%' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'what refers to the clone stands in the way there, too');
$node->safe_psql('postgres', "DELETE FROM web.note WHERE id = 7; SELECT vmclone.retry_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', 'and it is cleaned without it');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|signal 11/, 'nothing crashed');
$node->stop;
done_testing();
