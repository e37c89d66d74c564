# Random faults while copies from and to a block domain run on three hosts, each a real sshd in a network of its own.  At no time do two write to one
# device, nor do two hosts change the group; in the end every clone is exact, no volume is active, unfinished or unknown, and hosts keep nothing.
# Volumes are loop devices (LoopGroup); logical volumes are in test/guest/t/by_hand.
#
#   VMCLONE_TEST_SEED, VMCLONE_TEST_KILLS   which faults, and how many
use strict;
use warnings;
use Test::More;
use VmcloneCluster;
use CopyHosts;
use HostFaults;
use LoopGroup;
use WriterWatch;

BEGIN { CopyHosts->enter_network }
my @names = qw(h1 h2 h3);
my $faults = $ENV{VMCLONE_TEST_KILLS} || 6;
my ($node, $hosts) = LoopGroup->start_server('block_hosts_faults', 4, @names);
my $domain = $node->value("SELECT fixture.id('iscsi1')");
my $vm = $node->make_vm(name => 'block', snapshots => 3, disks => [ { size => '3600K', writes => 30 } ]);
my $disk = $vm->{disks}[0];
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";

# the chain is on volumes, too
$node->safe_psql('postgres', <<"SQL");
UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$domain';
SELECT vmclone.attach_storage_domain('$domain', '@{[ $hosts->group_path ]}', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL;
UPDATE vmclone.image_storage_domain_map SET storage_domain_id = '$domain', disk_profile_id = fixture.id('profile iscsi1')
WHERE image_id IN (@{[ join ', ', map { "'$_'" } @{ $disk->{images} } ]});
SQL
$hosts->add($disk->{disk_id}, map { "$disk->{path}/$_" } @{ $disk->{images} });
my %source = map { $_ => 1 } @{ $disk->{images} };

my $watch = WriterWatch->start($hosts, $node->basedir . '/watched');
my $random = HostFaults->new($node, $hosts, $LoopGroup::lease, @names);
my %jobs;

# Compares clones that are whole, and takes their volumes away: the group is small.
sub look_at_clones
{
	foreach my $name (sort keys %jobs)
	{
		my $job = $jobs{$name};
		my ($status, $reason) = split /\|/, $node->value("SELECT status, reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 2;
		next if !grep { $status eq $_ } qw(succeeded failed cancelled);
		my ($clone) = $node->disk_files($job->{vm_id});
		my ($out, $err);

		delete $jobs{$name};
		is($status, 'succeeded', "$name succeeds") or diag($reason), next;
		ok(IPC::Run::run([ 'qemu-img', 'compare', '-f', 'qcow2', '-F', $clone->{format}, "$disk->{path}/$disk->{images}[1]", $hosts->contents($clone->{image_id}) ], '>', \$out, '2>', \$err),
			"$name is exact") or diag("$out$err");
		$hosts->drop($clone->{image_id});
	}
	return;
}

my $made = 0;
$random->happen($faults, sub {
	look_at_clones();
	for (1 + keys %jobs .. 3)
	{
		my $name = 'clone' . ++$made;

		$jobs{$name} = $node->clone($vm->{snapshots}[1], vm_name => $name, lock_mode => 'shared', bandwidth_limit => 120_000,
			disks => VmcloneCluster::to_domain($vm, $domain, $made % 2 ? 'RAW' : 'COW'));
	}
	# after a fault copies wait for leases, and another one would find nothing that moves
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM vmclone.async_tasks WHERE status = 'running' AND phase = 'data'});
});
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);
$node->wait_for_job($_->{job_id}) foreach values %jobs;
look_at_clones();
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM vmclone.async_tasks WHERE left_hosts IS NOT NULL'), 'hosts have given back what they had left');
$watch->never_two('at no time did two write to one device') or diag($random->log);
is(join('; ', $hosts->changes_at_once), '', 'at no time did two hosts change the group') or diag($random->log);
is(join(' ', grep { !$source{$_} } sort keys %{ $hosts->volumes }), '', 'no volume is left over');
is(join(' ', $hosts->kept), '', 'no volume is active, and hosts keep nothing');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'nothing is locked');
is(join(' ', map { $hosts->processes($_) } @names), '', 'no process is left on a host');
$node->stop;
done_testing();
