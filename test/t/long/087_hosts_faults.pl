# Random faults while copies run on three hosts, each a real sshd in a network of its own: links that are cut, sshd, hosts, copiers and
# ssh killed or stopped for longer than the lease, the worker too, the server restarted.  At no time do two write to one image;
# in the end every clone is exact, and nothing is left.
#
#   VMCLONE_TEST_SEED, VMCLONE_TEST_KILLS   which faults, and how many
use strict;
use warnings;
use Test::More;
use VmcloneCluster;
use CopyHosts;
use HostFaults;
use WriterWatch;

my $has_network;
BEGIN { $has_network = CopyHosts->enter_network }
plan skip_all => 'no network can be made here' unless $has_network;
my $faults = $ENV{VMCLONE_TEST_KILLS} || 12;

my $lease = 5;
my @names = qw(h1 h2 h3);
my $node = VmcloneCluster->start_new('hosts_faults', conf => <<"CONF");
vmclone.retry_delay = '100ms'
vmclone.copy_lease = '${lease}s'
vmclone.max_attempts = 1000
vmclone.max_parallel_copies = 6
CONF
my $hosts = CopyHosts->start_apart($node, @names);
plan skip_all => 'no sshd' unless $hosts;

my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 } ]);
my ($snapshot, $domain, $path) = ($vm->{snapshots}[1], $vm->{domain}, $vm->{path});
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";

$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'local')");

my $watch = WriterWatch->start($hosts, $node->basedir . '/watched');
my $random = HostFaults->new($node, $hosts, $lease, @names);
my @jobs;

$random->happen($faults, sub {
	my $begun = $node->value("SELECT count(*) FROM vmclone.jobs WHERE $live");

	push @jobs, $node->clone($snapshot, vm_name => 'clone' . @jobs, lock_mode => 'shared', bandwidth_limit => 500_000) for $begun .. 3;
});
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);

foreach my $job (@jobs)
{
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$job->{vm_name} succeeds")
	  or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	$node->images_equal($job->{vm_id}, $vm, 1, "$job->{vm_name} is exact");
}
$watch->never_two('at no time did two write to one image') or diag($random->log);
is_deeply([ $node->leftovers ], [], 'no file is left over');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'nothing is locked');
is($node->value('SELECT count(*) FROM vmclone.async_tasks WHERE result IS NULL'), 0, 'every task has its result');
is_deeply([ map { $hosts->processes($_) } @names ], [], 'no copier is left on a host');
is($node->value('SELECT count(DISTINCT host_name) FROM vmclone.async_tasks'), 3, 'all hosts have copied') if @jobs > 8;
$node->stop;
done_testing();
