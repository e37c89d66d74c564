# Row security on the inventory's and on vmclone's own tables; tables and functions that are taken out of the extension; event triggers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('policies', conf => "vmclone.retry_delay = '100ms'\nvmclone.poll_interval = 1\n");
my $vm = $node->make_vm;
my $snapshot = $vm->{snapshots}[1];

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE engine_owner;
CREATE ROLE alice;
SELECT fixture.copy_inventory('engine', 'engine_owner');
SELECT vmclone.use_inventory('engine');
SELECT vmclone.grant_operator('alice', fixture.id('admin'));
GRANT USAGE ON SCHEMA fixture TO alice;
SQL

sub clones
{
	my ($name, $what, %arguments) = @_;
	my $job = $node->clone($snapshot, vm_name => $name, lock_mode => 'shared', %arguments);
	is($node->wait_for_job($job->{job_id}), 'succeeded', $what);
	return $job;
}

# --- the inventory: policies are not for the owner, unless they are forced on it
$node->safe_psql('postgres', "ALTER TABLE engine.$_ ENABLE ROW LEVEL SECURITY") foreach qw(images snapshots vm_static quota permissions);
clones('enabled', 'policies that let nobody see a row: the owner does');
my $paused = $node->clone($snapshot, vm_name => 'paused', lock_mode => 'shared', start_paused => 'true');
my $count = $node->value('SELECT count(*) FROM engine.vm_static');
$node->safe_psql('postgres', 'ALTER TABLE engine.images FORCE ROW LEVEL SECURITY');
my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.add_vm_from_snapshot('$snapshot', 'forced', lock_mode => 'shared')");
like($err, qr/query would be affected by row-level security policy for table "images"/, 'a policy that is forced on the owner is an error, not rows that nobody sees');
($code, $out, $err) = $node->psql('postgres', "SET row_security = on; SELECT vmclone.add_vm_from_snapshot('$snapshot', 'forced', lock_mode => 'shared')");
like($err, qr/query would be affected by row-level security policy/, 'whatever the session says');
is($node->value('SELECT count(*) FROM engine.vm_static'), $count, 'nothing was written');

# a job that is under way meets it
my $log = -s $node->logfile;
my $pid = $node->value("SELECT pid FROM vmclone.worker");
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$paused->{job_id}')");
$node->wait_for_log(qr/query would be affected by row-level security policy for table "images"/, $log);
ok(1, 'the worker says so');
is($node->value("SELECT count(*) FROM vmclone.jobs WHERE job_id = '$paused->{job_id}' AND ended_at IS NULL"), 1, 'and the job is not over');
$node->safe_psql('postgres', 'ALTER TABLE engine.images NO FORCE ROW LEVEL SECURITY');
is($node->wait_for_job($paused->{job_id}), 'succeeded', 'it ends when the policy is gone');
$node->safe_psql('postgres', "ALTER TABLE engine.$_ DISABLE ROW LEVEL SECURITY") foreach qw(images snapshots vm_static quota permissions);

# --- vmclone's own tables: no policy stops the superuser that owns them, but the inventory's owner looks at locks and names, too
my @own = split /\n/, $node->value(<<'SQL');
SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
WHERE c.relkind = 'r' AND c.relnamespace = 'vmclone'::regnamespace AND c.relname NOT IN (SELECT relation FROM vmclone.inventory_columns)
SQL
cmp_ok(scalar(@own), '>=', 15, 'own tables');
$node->safe_psql('postgres', join '', map { "ALTER TABLE $_ ENABLE ROW LEVEL SECURITY; ALTER TABLE $_ FORCE ROW LEVEL SECURITY;" } @own);
($code, $out, $err) = $node->psql('postgres', "SET ROLE alice; SELECT vmclone.add_vm_from_snapshot('$snapshot', 'hidden', lock_mode => 'shared')");
like($err, qr/query would be affected by row-level security policy/, 'policies on all own tables: an error, not locks that nobody sees');
is($node->value('SELECT count(*) > 0 FROM vmclone.jobs_view'), 't', 'views work');
$node->safe_psql('postgres', join '', map { "ALTER TABLE $_ NO FORCE ROW LEVEL SECURITY; ALTER TABLE $_ DISABLE ROW LEVEL SECURITY;" } @own);
my $theirs = $node->safe_psql('postgres', "SET ROLE alice; SELECT job_id FROM vmclone.add_vm_from_snapshot('$snapshot', 'of_alice', lock_mode => 'shared')");
is($node->wait_for_job($theirs), 'succeeded', 'an operator clones without them');
is($node->value(q{SET ROLE alice; SELECT string_agg(vm_name, ' ') FROM vmclone.jobs_view}), 'of_alice', 'and sees its job, and no other');

# --- membership: who is no superuser changes none
($code, $out, $err) = $node->psql('postgres', 'SET ROLE alice; ALTER EXTENSION vmclone DROP TABLE vmclone.jobs');
like($err, qr/must be owner of extension vmclone/, 'an operator takes nothing out of the extension');
($code, $out, $err) = $node->psql('postgres', 'SET ROLE alice; CREATE FUNCTION vmclone_internal.administer(integer) RETURNS void LANGUAGE sql AS $$$$');
like($err, qr/permission denied for schema vmclone_internal/, 'and puts nothing into its schemas');
$node->safe_psql('postgres', 'CREATE TABLE vmclone.added (id integer)');
$node->safe_psql('postgres', <<'SQL');
ALTER EXTENSION vmclone DROP TABLE vmclone.jobs;
ALTER EXTENSION vmclone DROP FUNCTION vmclone_internal.administer();
ALTER EXTENSION vmclone DROP FUNCTION vmclone.cancel_job(uuid);
ALTER EXTENSION vmclone DROP VIEW vmclone.jobs_view;
ALTER EXTENSION vmclone ADD TABLE vmclone.added;
SQL
clones('dropped', 'what is no longer a member works as before');
($code, $out, $err) = $node->psql('postgres', "SET ROLE alice; SELECT vmclone.cancel_job('$paused->{job_id}')");
like($err, qr/permission denied for job/, 'rights are what they were');
# a table that is not inventory becomes readable to the inventory's owner when it is bound again, as own tables are
$node->safe_psql('postgres', "SELECT vmclone.use_inventory('engine')");
is($node->value("SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'vmclone'::regnamespace AND relkind = 'r' AND has_table_privilege('engine_owner', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"),
	'', 'the inventory\'s owner may write none of them');
($code, $out, $err) = $node->psql('postgres', 'DROP EXTENSION vmclone');
like($err, qr/depend/, 'what is no longer a member stands in the way of DROP EXTENSION');
$node->safe_psql('postgres', <<'SQL');
ALTER EXTENSION vmclone DROP TABLE vmclone.added;
ALTER EXTENSION vmclone ADD TABLE vmclone.jobs;
ALTER EXTENSION vmclone ADD FUNCTION vmclone_internal.administer();
ALTER EXTENSION vmclone ADD FUNCTION vmclone.cancel_job(uuid);
ALTER EXTENSION vmclone ADD VIEW vmclone.jobs_view;
SQL
clones('added', 'and again as a member');

# --- event triggers, which only a superuser makes: calls and jobs are no DDL, and what is meets them as any DDL does
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE carol;
CREATE TABLE noted_ddl (tag text);
GRANT INSERT ON noted_ddl TO PUBLIC;
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.noted_ddl VALUES (tg_tag); END $$;
CREATE FUNCTION refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no DDL today'; END $$;
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();
CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION note_ddl();
SQL
clones('noted', 'a clone beside event triggers');
$node->safe_psql('postgres', "SELECT vmclone.clone_again((SELECT vm_id FROM vmclone.jobs WHERE vm_name = 'noted'), 'noted_again', '{\"lock_mode\": \"shared\"}')");
is($node->value("SELECT coalesce(string_agg(tag, ' '), '') FROM noted_ddl"), '', 'makes no DDL');
$node->safe_psql('postgres', "SELECT vmclone.grant_viewer('carol')");
is($node->value("SELECT string_agg(DISTINCT tag, ' ') FROM noted_ddl"), 'GRANT', 'rights are given by DDL');
$node->safe_psql('postgres', "SELECT vmclone.revoke_rights('carol'); CREATE EVENT TRIGGER refuse_ddl ON ddl_command_start EXECUTE FUNCTION refuse_ddl()");
foreach my $call ("grant_viewer('carol')", "grant_operator('carol', fixture.id('admin'))", "revoke_rights('alice')", "use_inventory('engine')")
{
	($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.$call");
	like($err, qr/no DDL today/, "$call meets an event trigger that refuses");
}
is($node->value("SELECT has_function_privilege('carol', 'vmclone.checks()', 'EXECUTE') OR has_schema_privilege('carol', 'vmclone', 'USAGE') OR EXISTS (SELECT FROM vmclone.operators WHERE role::text = 'carol')"),
	'f', 'nothing is half given');
is($node->value("SELECT has_function_privilege('alice', 'vmclone.cancel_job(uuid)', 'EXECUTE') AND EXISTS (SELECT FROM vmclone.operators WHERE role::text = 'alice')"), 't', 'nor half taken');
clones('refused_ddl', 'a clone needs no DDL');
$node->safe_psql('postgres', 'DROP EVENT TRIGGER refuse_ddl; DROP EVENT TRIGGER note_ddl; DROP EVENT TRIGGER note_drop');
$node->stop;
done_testing();
