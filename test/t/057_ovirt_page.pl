# docs/ovirt.md: every SQL command of the page runs, in its order, beside the tables of an engine of 4.5; and what it says of
# them is so: guards, what is left after going back.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

# the tests' modules and fixture as they work on an engine's tables
my $tree;
BEGIN
{
	$tree = tempdir(CLEANUP => 1);
	system('test/engine/make-tree', $tree) == 0 or die 'make-tree failed';
	unshift @INC, "$tree/test/t/lib";
}
use VmcloneCluster;

sub slurp { return PostgreSQL::Test::Utils::slurp_file($_[0]) }

# The blocks, by the page's sections.
my (%blocks, $section);
foreach my $part (split /^(?=## )/m, slurp('docs/ovirt.md'))
{
	my ($name) = $part =~ /^## (.*)/ or next;
	$blocks{$name} = [ $part =~ /^```sql engine\n(.*?)^```$/msg ];
}

my $node = VmcloneCluster->start_new('page', extension => 0);
my %variables;

sub run_block
{
	my ($name, $sql) = @_;
	my $set = join '', map { "\\set $_ $variables{$_}\n" } sort keys %variables;
	# the test's engine has its tables in a schema of their own
	$sql =~ s/'public'/'engine'/g;
	$sql =~ s/SCHEMA public/SCHEMA engine/g;
	my ($code, $out, $err) = $node->psql('postgres', "SET search_path = engine, pg_catalog;\n$set$sql", on_error_die => 0);
	is($code, 0, "$name: " . (split /\n/, $sql)[0]) or diag($err);
	return $out;
}

sub run_section { my ($name) = @_; return map { run_block($name, $_) } @{ $blocks{$name} } }

# an engine's database: its tables, and the fixture's data center on them
$node->safe_psql('postgres', slurp('test/engine/schema.sql'));

my ($create, $report, $bind) = @{ $blocks{Install} };
run_block('Install', $create);
my $rows = slurp("$tree/test/engine/bind.sql");
$rows =~ s/^DO .*use_inventory.*\n//m;
my $fixture = slurp("$tree/test/fixture/fixture.sql");
$fixture =~ s/^\\i test\/engine\/bind.sql$/$rows/m;
$node->safe_psql('postgres', $fixture);
unlike(run_block('Install', $report), qr/^(?:error|warning)/m, 'nothing is in the way of an engine\'s schema');
run_block('Install', $bind);
is($node->value('SELECT schema_name FROM vmclone_internal.current_inventory()'), 'engine', 'it is bound');

$variables{user_id} = $node->value("SELECT fixture.id('alice')");
run_section('Roles');
is($node->value("SELECT has_function_privilege('portal', 'vmclone.cancel_job(uuid)', 'EXECUTE') AND NOT has_function_privilege('monitor', 'vmclone.cancel_job(uuid)', 'EXECUTE')"),
	't', 'roles may what the page says');

my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { size => '64M', writes => 10 } ]);
my $domain = $node->value("SELECT fixture.id('nfs2')");
$variables{domain} = $domain;
$variables{path} = $node->storage_root . "/$domain";
make_path("$variables{path}/images");
like(join('', run_section('Storage domains')), qr/^attached\|/m, 'the domain is attached');
ok(-f "$variables{path}/dom_md/vmclone-identity", 'with its mark');

$variables{snapshot} = $vm->{snapshots}[1];
run_section('The first clone');
my $job = $node->row('SELECT * FROM vmclone.jobs');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'the first clone ends well');
$node->images_equal($job->{vm_id}, $vm, 1);
run_section('What the engine keeps in memory');

# what is held off: an engine's command looks, and an engine's script doesn't
$job = $node->clone($vm->{snapshots}[1], vm_name => 'web03', start_paused => 'true');
is($node->value("SELECT string_agg(DISTINCT imagestatus::text, ' ') FROM engine.images WHERE image_group_id = '$vm->{disks}[0]{disk_id}'"), '2', 'whole disks are locked');
my ($guards, $locks) = @{ $blocks{'What is held off, and by what'} };
my $script = "UPDATE engine.images SET imagestatus = 1 WHERE image_guid = '$vm->{disks}[0]{images}[0]'";
my ($code, $out, $err) = $node->psql('postgres', "BEGIN; SET ROLE engine; $script; ROLLBACK");
is($code, 0, 'a script may unlock where there are no guards');
run_block('What is held off', $guards);
($code, $out, $err) = $node->psql('postgres', "SET ROLE engine; $script");
like($err, qr/is being copied from and cannot be changed/, 'guards refuse it');
($code, $out, $err) = $node->psql('postgres', "SET ROLE engine; DELETE FROM engine.images WHERE image_guid = '$vm->{disks}[0]{images}[2]'");
like($err, qr/is being copied from and cannot be deleted/, 'and to delete what the job holds');
my ($shown, $unlock) = split /\n/, $locks;
run_block('What is held off', $shown);
my $set = "\\set snapshot $variables{snapshot}\n";
($code, $out, $err) = $node->psql('postgres', "$set$unlock");
like($err, qr/locked by a job that is not over.*cancel_job/s, 'a job\'s lock is not taken off by hand');

# a dump of the engine's tables has the guards; restored, they work, and are the bound schema's
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump with guards');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
($code, $out, $err) = $node->psql('restored', $script);
like($err, qr/is being copied from/, 'restored guards refuse');
$node->safe_psql('restored', "SELECT vmclone.use_inventory('engine'); SELECT vmclone.adopt('abandon')");
ok($node->poll_query_until('restored', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'the restored job is abandoned');
is($node->safe_psql('restored', "SELECT string_agg(DISTINCT imagestatus::text, ' ') FROM engine.images WHERE image_group_id = '$vm->{disks}[0]{disk_id}'"),
	'1', 'and what it had locked is unlocked, though the rows have other versions');
$node->safe_psql('restored', 'DROP SCHEMA fixture CASCADE; DROP EXTENSION vmclone');
is($node->safe_psql('restored', "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'vmclone%'"), 0, 'guards go with the extension');
$node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');

# upgrade of the engine: jobs end, tables change, the functions are bound again
my ($before, $after) = @{ $blocks{'Before an engine\'s upgrade'} };
run_block('Before an upgrade', $before);
is($node->wait_for_job($job->{job_id}), 'cancelled', 'the job ends');
is(run_block('What is held off', $unlock), 'was not locked', 'it has given the snapshot back');
is($node->value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'vmclone%' AND tgrelid = 'engine.images'::regclass"), 0, 'no guard is in the way');
$node->safe_psql('postgres', 'SET ROLE engine; ALTER TABLE engine.images ALTER COLUMN sequence_number TYPE bigint; ALTER TABLE engine.vm_static ADD COLUMN of_5_0 text');
run_block('After an upgrade', $after);
$job = $node->clone($vm->{snapshots}[0], vm_name => 'web04');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'clones work after it');

# going back
$node->safe_psql('postgres', 'DROP SCHEMA fixture CASCADE');
my $clones = $node->value("SELECT count(*) FROM engine.vm_static WHERE vm_name LIKE 'web0%'");
run_section('Going back');
ok(!-e "$variables{path}/dom_md/vmclone-identity", 'the mark is taken off');
is($node->value("SELECT count(*) FROM engine.vm_static WHERE vm_name LIKE 'web0%'"), $clones, 'the clones stay');
is($node->value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'vmclone%'"), 0, 'no guard is left');
is($node->value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'vmclone%'"), 0, 'nothing of vmclone is');
$node->stop;
done_testing();
