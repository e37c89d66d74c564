# kill -9 of the copier, the worker and the postmaster in the middle of a copy: the result is exact.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('crash', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 4, disks => [ { format => 'raw', writes => 60 }, { writes => 60 } ]);
my $snapshot = $vm->{snapshots}[2];

# A copy under way that has some bytes.
sub start_copy
{
	my ($name) = @_;
	my $job = $node->clone($snapshot, vm_name => $name, bandwidth_limit => 400_000);

	$node->poll_query_until('postgres',
		"SELECT min(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
	  or die "job $job->{job_id} copies nothing";
	return $job;
}

sub finish_copy
{
	my ($job, $what) = @_;

	$node->lift_limit($job->{job_id});
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$what: the job succeeds");
	$node->images_equal($job->{vm_id}, $vm, 2, "$what: the disks are exact");
	is_deeply([ $node->leftovers ], [], "$what: no file is left over");
	is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, "$what: nothing stays locked");
}

my $job = start_copy('copier');
my @killed = $node->copiers;
ok(@killed > 0, 'copiers run');
kill 'KILL', @killed;
ok($node->poll_query_until('postgres', "SELECT max(attempts) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"),
	'the attempt is counted');
finish_copy($job, 'killed copier');

$job = start_copy('worker');
@killed = $node->copiers;
ok(@killed > 0, 'copiers run');
my $worker = $node->kill_worker;
$node->poll_query_until('postgres', "SELECT pid <> $worker FROM vmclone.worker") or die 'no new worker';
is_deeply([ $node->copiers_that_stay(@killed) ], [], 'copiers end with their worker');
finish_copy($job, 'killed worker');

$job = start_copy('terminated');
$worker = $node->value('SELECT pid FROM vmclone.worker');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
$node->poll_query_until('postgres', "SELECT coalesce(pid <> $worker, false) FROM vmclone.worker") or die 'no new worker';
pass('a terminated worker is started again');
finish_copy($job, 'terminated worker');

$job = start_copy('postmaster');
$node->kill9;
is_deeply([ $node->copiers_that_stay ], [], 'copiers end with the server');
$node->start;
finish_copy($job, 'killed server');

$job = start_copy('restart');
$node->restart;
finish_copy($job, 'fast restart');

# Too many crashes: the copier can't be started any more.
$node->safe_psql('postgres', 'ALTER SYSTEM SET vmclone.max_attempts = 2');
my $program = $node->value('SHOW vmclone.copy_program');
$job = start_copy('crashing');
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '/nonexistent/vmclone-copy'");
$node->reload;
kill 'KILL', $node->copiers;
like(
	$node->job_when($job->{job_id}, 'cleaning')->{reason},
	qr/tried 2 times/,
	'a task that keeps crashing fails its job after vmclone.max_attempts');
ok($node->poll_query_until('postgres', "SELECT cleaning_error IS NOT NULL FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'cleaning that can not be done is visible');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'the source is free while cleaning is tried');
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$program'");
$node->reload;
is($node->wait_for_job($job->{job_id}), 'failed', 'cleaning ends once it can be done');
is_deeply([ $node->leftovers ], [], 'no file is left over');
is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'crashing'"), 0, 'no row is left over');
done_testing();
