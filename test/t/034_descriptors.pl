# More copies than the worker may have files open for: it runs as many as it can, and the others later.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('files',
	conf => "vmclone.retry_delay = '100ms'\nmax_files_per_process = 64\nvmclone.max_parallel_copies = 40\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { writes => 10, size => '8M' } ]);
my @jobs = map { $node->clone($vm->{snapshots}[1], vm_name => "copy$_", lock_mode => 'shared', bandwidth_limit => 50_000) } 1 .. 12;

ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM vmclone.jobs WHERE status = 'waiting' AND reason ~ 'Too many open files'"),
	'jobs wait when the worker has too many files open, and say so');
my $worker = $node->value('SELECT pid FROM vmclone.worker');
$node->lift_limit(map { $_->{job_id} } @jobs);
is($node->wait_for_job($_->{job_id}), 'succeeded', "$_->{vm_name} succeeds") foreach @jobs;
is($node->value('SELECT max(attempts) FROM vmclone.async_tasks'), 0, 'no attempt was spent');
is($node->value('SELECT pid FROM vmclone.worker'), $worker, 'by the same worker');
$node->stop;
done_testing();
