# pg_dump with jobs in many states, pg_restore, and every row compared.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('dump', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(disks => [ { format => 'raw' }, {} ]);
my $thin = $node->value("SELECT fixture.make_template('golden')") && $node->value("SELECT fixture.make_vm('thin', 1, 3, template => 'golden')");
my ($first, $second) = @{ $vm->{snapshots} };

# Over, held, waiting, paused: all that stands still, so that dump and rows are of one moment.
my $job = $node->clone($second, vm_name => 'done', request_key => 'twice');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a job that is over');
$job = $node->clone($second, vm_name => 'cancelled', start_paused => 'true');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', 'one that was cancelled');
$job = $node->clone($second, vm_name => 'held', lock_mode => 'shared', on_failure => 'hold', start_paused => 'true');
my $in_the_way = $node->value(<<"SQL");
SELECT s.mount_path || '/images/' || t.disk_id || '/' || t.image_id
FROM vmclone.async_tasks t JOIN vmclone.storage_mounts s USING (storage_domain_id) WHERE job_id = '$job->{job_id}' AND disk_number = 1
SQL
make_path($in_the_way =~ s{/[^/]+$}{}r);
append_to_file($in_the_way, 'in the way');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
is($node->wait_for_status($job->{job_id}, 'held'), 'held', 'one that is held');
my $paused = $node->clone($second, vm_name => 'paused', lock_mode => 'shared', start_paused => 'true', copies => 1);
$node->safe_psql('postgres', <<"SQL");
SELECT vmclone.add_vm_from_snapshot('$first', 'many{n}', lock_mode => 'shared', start_paused => true, copies => 2);
SELECT vmclone.add_vm_template_from_snapshot(fixture.snapshot('thin', 2), 'silver', start_paused => true);
SELECT vmclone.measure_snapshot('$second');
SQL
$node->poll_query_until('postgres', "SELECT bool_and(status IN ('done', 'failed')) FROM vmclone.measurements");
is($node->value("SELECT string_agg(DISTINCT status, ' ' ORDER BY status) FROM vmclone.jobs"), 'cancelled held paused succeeded', 'jobs of four kinds');

$node->safe_psql('postgres', q{SELECT vmclone.add_copy_host('h1', 'copier@h1.example.org', 3)});

# What each table and sequence of the extension holds; host "local" is made by CREATE EXTENSION,
# and whether others answer is looked at again and again.
my $contents = <<'SQL';
SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'S' THEN query_to_xml(format('SELECT last_value, is_called FROM %s', c.oid::regclass), true, false, '')
	ELSE query_to_xml(format('SELECT %s::text AS r FROM %s t %s ORDER BY 1', CASE c.relname WHEN 'hosts' THEN '(t.host_name, t.address, t.max_copies)' ELSE 't' END,
		c.oid::regclass, CASE c.relname WHEN 'hosts' THEN 'WHERE t.host_name <> ''local''' END), true, false, '') END::text AS rows
FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'vmclone' AND c.relkind IN ('r', 'S')
SQL

sub contents
{
	my ($database) = @_;
	my $json = $node->safe_psql($database, "SELECT jsonb_object_agg(name, rows) FROM ($contents) c");
	return JSON::PP->new->decode($json);
}

my $dump = $node->basedir . '/dump';
my $before = contents('postgres');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
is_deeply(contents('postgres'), $before, 'nothing has changed meanwhile');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
my $after = contents('restored');
is_deeply([ sort keys %$after ], [ sort keys %$before ], 'the same tables');

# where each domain is mounted on this machine is not dumped
isnt($before->{'vmclone.storage_mounts'}, $after->{'vmclone.storage_mounts'}, 'storage_mounts is not restored');
is($node->safe_psql('restored', 'SELECT count(*) FROM vmclone.storage_mounts'), 0, 'and is empty');
foreach my $table (sort keys %$before)
{
	# the owner's oid and the like of the binding to tables are made by CREATE EXTENSION
	next if $table eq 'vmclone.storage_mounts' || $table eq 'vmclone.inventory_binding';
	is($after->{$table}, $before->{$table}, "$table, row by row");
}

# A parallel restore loads the tables of an extension in any order, whatever their foreign keys: these are left out
# (docs/howto.md, "Backup").
foreach my $jobs (2, 8)
{
	$node->safe_psql('postgres', "CREATE DATABASE parallel$jobs");
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', $jobs, '-d', $node->connstr("parallel$jobs"), $dump ], "pg_restore -j $jobs");
	delete local $ENV{PGOPTIONS};
	my $parallel = contents("parallel$jobs");
	delete $parallel->{'vmclone.inventory_binding'};
	is_deeply($parallel, { map { $_ => $after->{$_} } grep { $_ ne 'vmclone.inventory_binding' } keys %$after }, 'gives the same rows');
	$node->bind_again("parallel$jobs");
	is($node->safe_psql("parallel$jobs", 'SELECT count(*) FROM vmclone.vms'), $node->value('SELECT count(*) FROM vmclone.vms'), 'and works');
	$node->safe_psql('postgres', "DROP DATABASE parallel$jobs");
}
ok(scalar(grep { ($before->{"vmclone.$_"} // '') =~ /<row>|<r>/ } qw(jobs async_tasks image_locks lock_state reservations lineage request_keys vm_names identity audit_log)) >= 9,
	'and there were rows');

# The copy knows that it is one; it works again once somebody has decided.
is($node->safe_psql('restored', 'SELECT identity FROM vmclone.worker'), 'other database', 'the restored database knows what it is');
$node->bind_again('restored');
my ($code, $out, $err) = $node->psql('restored', "SELECT vmclone.adopt('abandon')");
is($code, 0, "adopt('abandon')") or diag $err;
ok($node->poll_query_until('restored', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL'), 'ends the jobs that came along');
is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM vmclone.image_locks) + (SELECT count(*) FROM vmclone.images WHERE imagestatus = 2)'
		. " + (SELECT count(*) FROM vmclone.vm_static WHERE vm_name IN ('paused', 'held', 'many1', 'silver'))"), 0, 'gives the locks back, removes the rows');
unlink $in_the_way;
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$paused->{job_id}'), vmclone.retry_job('$job->{job_id}')");
is($node->wait_for_job($_), 'succeeded', 'the original goes on') foreach $paused->{job_id}, $job->{job_id};
$node->images_equal($paused->{vm_id}, $vm, 1);
$node->stop;
done_testing();
