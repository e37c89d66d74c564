# Backup and upgrade of an engine that has the extension in its database: what engine-backup and engine-setup do, as role
# "engine", which is no superuser.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use PostgreSQL::Test::Utils;
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('backup');
my $vm = $node->make_vm(disks => [ { format => 'raw' }, {} ]);
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'done');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone in an engine\'s database');
$job = $node->clone($vm->{snapshots}[1], vm_name => 'paused', start_paused => 'true');

# rights beside the engine's, of both kinds
$node->safe_psql('postgres', <<'SQL');
ALTER ROLE engine LOGIN;
CREATE ROLE reporter;
CREATE ROLE operator;
SELECT vmclone.grant_operator('operator', fixture.id('alice'));
GRANT USAGE ON SCHEMA vmclone TO reporter;
GRANT SELECT ON vmclone.jobs_view, vmclone.audit_log TO reporter;
SET ROLE engine;
GRANT USAGE ON SCHEMA engine TO reporter;
GRANT SELECT ON engine.vm_static TO reporter;
SQL
my $rights = <<'SQL';
SELECT string_agg(format('%s %s %s', x.grantee::regrole, o.name, x.privilege_type), E'\n' ORDER BY x.grantee::regrole::text COLLATE "C", o.name COLLATE "C", x.privilege_type)
FROM (SELECT oid::regclass::text, relacl FROM pg_class UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc UNION ALL SELECT nspname::text, nspacl FROM pg_namespace) o (name, acl)
CROSS JOIN aclexplode(o.acl) x WHERE x.grantee::regrole::text IN ('reporter', 'operator', 'engine')
SQL
my $given = $node->value($rights);
$node->bind_again('postgres');
is($node->value($rights), $given, 'choosing the inventory again takes nothing from anybody');

# what the engine's rows and the extension's are, by table
sub contents
{
	my ($database, $schema) = @_;
	my $json = $node->safe_psql($database, <<"SQL");
SELECT jsonb_object_agg(c.relname, query_to_xml(format('SELECT t::text AS r FROM %s t ORDER BY t::text', c.oid::regclass), true, false, '')::text)
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = '$schema'::regnamespace
SQL
	return JSON::PP->new->decode($json);
}

# --- backup as engine-backup does it
my $dump = $node->basedir . '/dump';
my @as_engine = ('-U', 'engine', '-h', $node->host, '-p', $node->port);
my $before = contents('postgres', 'engine');
my $of_vmclone = contents('postgres', 'vmclone');
$node->command_ok([ 'pg_dump', @as_engine, '-w', '-E', 'UTF8', '--disable-dollar-quoting', '--disable-triggers', '-Fc', '-f', $dump, 'postgres' ],
	'pg_dump as role engine');
# its look at custom grants before it makes its views and procedures anew
my ($grants, $errors);
IPC::Run::run([ 'pg_dump', @as_engine, '-w', '--schema-only', 'postgres' ], '>', \$grants, '2>', \$errors) or diag $errors;
like($grants, qr/GRANT SELECT ON TABLE engine\.vm_static TO reporter;/, 'its dump of rights has those that others were given');
like($grants, qr/GRANT SELECT ON TABLE vmclone\.jobs_view TO reporter;/, 'on the extension\'s views, too');

# --- restore by a superuser: everything
$node->safe_psql('postgres', 'CREATE DATABASE whole OWNER engine');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('whole'), $dump ], 'pg_restore by a superuser');
is_deeply(contents('whole', 'engine'), $before, 'the engine\'s rows');
is($node->safe_psql('whole', $rights), $given, 'all rights');
is($node->safe_psql('whole', "SELECT count(*) FROM vmclone.jobs WHERE vm_name IN ('done', 'paused')"), 2, 'the jobs');
my ($code, $out, $err) = $node->psql('whole', 'SELECT * FROM vmclone.vms');
like($err, qr/no inventory is bound to this database.*use_inventory\('engine'\)/s, 'the choice of the inventory is to be made again');
$node->bind_again('whole');
is($node->safe_psql('whole', $rights), $given, 'which changes no right');
$node->safe_psql('whole', "SELECT vmclone.adopt('abandon')");
ok($node->poll_query_until('whole', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL'), 'the copy\'s jobs end');
is($node->safe_psql('whole', "SELECT count(*) FROM engine.vm_static WHERE vm_name = 'paused'"), 0, 'and take their rows along');

# --- restore by role engine, as far as it may (docs/howto.md, "Backup"): a superuser makes the extension before and fills its tables after
$node->safe_psql('postgres', 'CREATE DATABASE mine OWNER engine');
($code, $out, $err) = $node->psql('mine', 'CREATE EXTENSION vmclone', extra_params => [ '-U', 'engine' ]);
like($err, qr/permission denied to create extension "vmclone"/, 'role engine can not make the extension');
$node->safe_psql('mine', 'CREATE EXTENSION vmclone; CREATE SCHEMA engine AUTHORIZATION engine');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-n', 'engine', @as_engine, '-d', 'mine', $dump ], 'role engine restores what is the engine\'s');
is_deeply(contents('mine', 'engine'), $before, 'row by row');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '-n', 'vmclone', '-d', $node->connstr('mine'), $dump ], 'a superuser the extension\'s rows');
my $after = contents('mine', 'vmclone');
# host "local" is made by CREATE EXTENSION, with its times
delete @$_{qw(inventory_binding storage_mounts hosts)} foreach $after, $of_vmclone;
is_deeply($after, $of_vmclone, 'row by row');
$node->bind_again('mine');
$node->safe_psql('mine', "SELECT vmclone.adopt('abandon')");
ok($node->poll_query_until('mine', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL'), 'and it works');

# --- upgrade: the engine drops and makes its views and procedures anew
$node->safe_psql('postgres', <<'SQL');
SET ROLE engine;
SET search_path = engine;
CREATE VIEW vms AS SELECT v.vm_guid, v.vm_name, d.status FROM vm_static v JOIN vm_dynamic d USING (vm_guid);
CREATE VIEW vms_with_tags AS SELECT * FROM vms;
CREATE FUNCTION GetVmStaticByName(v_name varchar) RETURNS SETOF vm_static LANGUAGE sql AS $$ SELECT * FROM vm_static WHERE vm_name = v_name $$;
SQL
my $members = <<'SQL';
SELECT string_agg(pg_describe_object(classid, objid, objsubid), E'\n' ORDER BY classid, objid, objsubid) FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vmclone')
SQL
my $of_extension = $node->value($members);
$node->safe_psql('postgres', <<'SQL');
SET ROLE engine;
SET client_min_messages = warning;
DO $$
DECLARE
	statement text;
BEGIN
	FOREACH statement IN ARRAY ARRAY(
		SELECT format('DROP VIEW IF EXISTS %s CASCADE', c.oid::regclass) FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = 'engine'::regnamespace
		UNION ALL SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p WHERE p.pronamespace = 'engine'::regnamespace)
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
SQL
is($node->value($members), $of_extension, 'nothing of the extension has gone with the engine\'s views and procedures');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a job that was under way meanwhile ends');
$job = $node->clone($vm->{snapshots}[0], vm_name => 'later');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and the next clone works');
$node->images_equal($job->{vm_id}, $vm, 0);
$node->stop;
done_testing();
