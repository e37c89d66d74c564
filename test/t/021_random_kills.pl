# Copiers, workers and the whole server killed at random moments while clones, cancels and failures are under way:
# in the end every clone is exact, nothing is left of the others, nothing is locked.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $seed = $ENV{VMCLONE_TEST_SEED} || time;
my $kills = $ENV{VMCLONE_TEST_KILLS} || 15;
srand($seed);
diag("VMCLONE_TEST_SEED=$seed");

my $node = VmcloneCluster->start_new('random',
	conf => "vmclone.retry_delay = '100ms'\nvmclone.max_attempts = 1000\nvmclone.max_parallel_copies = 4\n");
my $vm = $node->make_vm(
	name => 'web01',
	snapshots => 4,
	disks => [ { format => 'raw', writes => 40 }, { writes => 40 }, { cluster => 4096, writes => 30 } ]);
my $other = $node->make_vm(name => 'web02', snapshots => 2, disks => [ { writes => 60 } ]);
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";
my (@clones, @cancelled);

for my $round (1 .. $kills)
{
	# some clones, of which one is cancelled
	if ($node->value("SELECT count(*) FROM vmclone.jobs WHERE $live") < 3)
	{
		my $limit = 300_000 + int(rand(2_000_000));
		my @new = $node->rows("SELECT * FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[2]', 'clone${round}_{n}',"
			  . " lock_mode => 'shared', copies => 2, bandwidth_limit => $limit)");
		push @clones, map { [ $_, $vm, 2 ] } @new;
		my $doomed = $node->clone($other->{snapshots}[0],
			vm_name => "doomed$round", lock_mode => 'shared', bandwidth_limit => $limit);
		push @cancelled, $doomed;
	}
	select undef, undef, undef, rand(1.5);
	cancel_doomed()
	  if rand() < 0.4;
	select undef, undef, undef, rand(0.3);
	my $dice = rand();
	if ($dice < 0.6)
	{
		my @copiers = $node->copiers;

		kill 'KILL', $copiers[ int(rand(@copiers)) ] if @copiers;
	}
	elsif ($dice < 0.85)
	{
		$node->kill_worker;
	}
	else
	{
		$node->stop(rand() < 0.5 ? 'immediate' : 'fast');
		$node->start;
	}
}
cancel_doomed();
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);

foreach my $clone (@clones)
{
	my ($job, $source, $number) = @$clone;
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$job->{vm_name} succeeds")
	  or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	$node->images_equal($job->{vm_id}, $source, $number, "$job->{vm_name} is exact");
}
foreach my $job (@cancelled)
{
	my $status = $node->wait_for_job($job->{job_id});

	ok($status eq 'cancelled' || $status eq 'succeeded', "$job->{vm_name} is over ($status)")
	  or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	$node->images_equal($job->{vm_id}, $other, 0, "$job->{vm_name} is exact") if $status eq 'succeeded';
}
is_deeply([ $node->leftovers ], [], 'no file is left over');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'nothing is locked');
is($node->value('SELECT count(*) FROM vmclone.lock_state'), 0, 'no earlier status is kept');
is($node->value('SELECT count(*) FROM vmclone.images WHERE imagestatus <> 1 AND image_group_id IS NOT NULL'), 0, 'all images are OK');
is($node->value('SELECT count(*) FROM vmclone.vm_names'), 0, 'no name is reserved');
is( $node->value("SELECT count(*) FROM vmclone.vm_static v JOIN vmclone.jobs j ON j.vm_id = v.vm_guid WHERE j.status <> 'succeeded'"),
	0, 'no row is left of what did not succeed');
is($node->value("SELECT count(*) FROM vmclone.async_tasks WHERE result IS NULL"), 0, 'every task has its result');
$node->stop;
done_testing();

sub cancel_doomed
{
	return $node->for_jobs('cancel_job(job)', "$live AND vm_name LIKE 'doomed%'");
}
