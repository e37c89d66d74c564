# Copies that make no progress give up their places: two that hang on one domain don't stop a third on another one; what is to be
# copied where they hang waits meanwhile.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('fairness', conf => "vmclone.storage_timeout = '3s'\n");
my $hanging = $node->make_vm(name => 'web01', snapshots => 2, disks => [ { format => 'raw', writes => 120 } ]);
my $healthy = $node->make_vm(name => 'web02', domain => 'nfs2', snapshots => 2, disks => [ { format => 'raw', writes => 40 } ]);

is($node->value('SHOW vmclone.max_parallel_copies'), 2, 'two places');
my @jobs = map { $node->clone($hanging->{snapshots}[0], vm_name => "hanging$_", lock_mode => 'shared', bandwidth_limit => 400_000) } 1, 2;
ok( $node->poll_query_until('postgres', "SELECT count(*) = 2 FROM vmclone.async_tasks WHERE status = 'running' AND phase = 'data' AND bytes_done > 0"),
	'two copies take them');
my @copiers = $node->copiers;
is(scalar(@copiers), 2, 'two copiers');

# as in a system call that does not come back
kill 'STOP', @copiers;
my $more = $node->clone($hanging->{snapshots}[0], vm_name => 'more', lock_mode => 'shared');
my $other = $node->clone($healthy->{snapshots}[0], vm_name => 'other');
is($node->wait_for_job($other->{job_id}), 'succeeded', 'a third copy between other domains gets a place');
$node->images_equal($other->{vm_id}, $healthy, 0);
is($node->value('SELECT tasks_stalled FROM vmclone.worker'), 2, 'view worker counts the stalled ones');
is($node->value("SELECT string_agg(status, ' ') FROM vmclone.jobs WHERE vm_name LIKE 'hanging%'"), 'running running', 'they are still under way');
is($node->value("SELECT status FROM vmclone.jobs WHERE job_id = '$more->{job_id}'"), 'queued', 'another one where they hang is not begun');
my $second = $node->clone($healthy->{snapshots}[0], vm_name => 'second');
is($node->wait_for_job($second->{job_id}), 'succeeded', 'and so does the next one');

kill 'CONT', @copiers;
$node->lift_limit(map { $_->{job_id} } @jobs);
foreach my $job (@jobs, $more)
{
	is($node->wait_for_job($job->{job_id}), 'succeeded', 'when the storage answers again, what stalled goes on and the rest follows');
	$node->images_equal($job->{vm_id}, $hanging, 0);
}

# The launcher finds databases that let connections in.
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.poll_interval = '1s'");
$node->reload;
my $workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vmclone worker' AND datname =";
foreach my $case ([ 'shut', 'ALLOW_CONNECTIONS false', 'ALLOW_CONNECTIONS true' ], [ 'model', 'IS_TEMPLATE true', 'IS_TEMPLATE false' ])
{
	my ($name, $before, $after) = @$case;

	$node->safe_psql('template1', "CREATE DATABASE $name TEMPLATE postgres");
	$node->safe_psql('postgres', "ALTER DATABASE $name $before");
	$node->terminate($_) foreach split /\n/, $node->value("SELECT pid FROM pg_stat_activity WHERE datname = '$name'");
	$node->poll_query_until('postgres', "SELECT ($workers '$name') = 0") or die "$name has a worker";
	# the slot of a worker that was ended is looked at once more after five seconds
	sleep 6;
	is($node->value("$workers '$name'"), 0, "$name: no worker with $before");
	$node->safe_psql('postgres', "ALTER DATABASE $name $after");
	ok($node->poll_query_until('postgres', "SELECT ($workers '$name') = 1"), "$name: a worker by itself after $after");
}
done_testing();
