# Random faults while copies from and to logical volumes run on two hosts, each a real sshd.  At no time do two write to one volume, nor do two hosts
# change the group; in the end every clone is exact, no volume is active, unfinished or unknown, and hosts keep nothing.
# These hosts have one kernel: a device that a stopped copier has open is in use for the next one until that ends.  test/t/long/089_block_hosts_faults.pl has
# devices of each host's own, on loop devices.
#
#   VMCLONE_TEST_SEED, VMCLONE_TEST_KILLS   which faults, and how many
use strict;
use warnings;
use BlockDomain;
use BlockHosts;
use Guest;
use HostFaults;
use Test::More;
use VmcloneCluster;
use WriterWatch;

my $lease = 8;
my @names = qw(h1 h2);
my $faults = $ENV{VMCLONE_TEST_KILLS} || 12;
my $node = block_server('blockfaults', conf => "vmclone.max_parallel_copies = 2\nvmclone.copy_lease = '${lease}s'\nvmclone.max_attempts = 1000\n");
my $hosts = block_hosts($node, @names);
my $domain = $node->value("SELECT fixture.id('iscsi1')");
my $vm = $node->make_vm(name => 'block', snapshots => 3, disks => [ { format => 'raw', size => '8M' }, { size => '9M' } ]);
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";
my @jobs;

$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$domain'");
to_block($node, map { my $disk = $_; map { "$disk->{path}/$_" } @{ $disk->{images} } } @{ $vm->{disks} });
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '/dev/iscsi', host => '$_')") foreach @names;

my $watch = WriterWatch->start($hosts, $node->basedir . '/watched');
my $random = HostFaults->new($node, $hosts, $lease, @names);

$random->happen($faults, sub {
	push @jobs, $node->clone($vm->{snapshots}[1], vm_name => 'clone' . @jobs, lock_mode => 'shared', bandwidth_limit => 400_000, disks => to_domain($vm, $domain, 'RAW', 'COW'))
	  if $node->value("SELECT count(*) FROM vmclone.jobs WHERE $live") < 1;
	# a step takes seconds in an emulated guest
	sleep 2 + rand 10;
});
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);
foreach my $job (@jobs)
{
	is(finish($node, $job->{job_id}), 'succeeded', "$job->{vm_name} succeeds") or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	clone_equal($node, $job->{vm_id}, $vm, 1, "$job->{vm_name} is exact");
}
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM vmclone.async_tasks WHERE left_hosts IS NOT NULL'), 'hosts have given back what they had left');
$watch->never_two('at no time did two write to one volume') or diag($random->log);
is(join('; ', changes_at_once()), '', 'at no time did two hosts change the group') or diag($random->log);
nothing_left($node, 'no volume is active, unfinished or unknown');
is(join(' ', state_files()), '', 'hosts keep nothing for volumes');
is(join(' ', map { $hosts->processes($_) } @names), '', 'no process is left on a host');
as_root('lvremove', '-q', '-f', map { "iscsi/$_" } volumes());
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
done_testing();
