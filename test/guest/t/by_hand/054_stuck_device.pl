# A block domain whose device holds its writer in mid copy: the copier can't be killed, and its task is left alone as long as it lives.
use strict;
use warnings;
use BlockDomain;
use Guest;
use Test::More;
use VmcloneCluster;

my $held;
END { local $?; try_run('sudo', '-n', 'dmsetup', 'resume', $held) if defined $held }

my $node = block_server('stuck', conf => "vmclone.retry_delay = '1min'\n");
my $domain = attach_block($node);
my $vm = $node->make_vm(name => 'web', snapshots => 2, disks => [ { format => 'raw', size => '24M', writes => 100 } ]);

sub available { return $node->value("SELECT available_bytes FROM vmclone.check_storage_domain('$domain')") }

my $free = available();
my $job = $node->clone($vm->{snapshots}[0], vm_name => 'stuck', bandwidth_limit => 50_000, disks => to_domain($vm, $domain, 'RAW'));
wait_until($node, q{SELECT bool_and(phase IN ('zero', 'data')) FROM vmclone.async_tasks});
my $image = $node->value('SELECT image_id FROM vmclone.async_tasks');
($held) = device_table($image);
as_root('dmsetup', 'suspend', '--nolockfs', '--noflush', $held);
# at its limit it may be between two writes, and would end at once
$node->lift_limit($job->{job_id});
for (1 .. 300)
{
	my $copier = run('sh', '-c', "pgrep -f 'vmclone-copy .*copy .*$image' | head -n 1");
	last if $copier && run('ps', '-L', '-o', 'stat=', '-p', $copier) =~ /^D/m;
	select undef, undef, undef, 0.2;
}
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
wait_until($node, q{SELECT phase = 'stuck' FROM vmclone.async_tasks});
is($node->value('SELECT concat_ws(\' \', status, tasks_stuck > 0) FROM vmclone.jobs, vmclone.worker'), 'cancelling t', 'the cancel waits, view worker counts it');
as_root('dmsetup', 'resume', $held);
is(finish($node, $job->{job_id}), 'cancelled', 'and is through when the copier has gone');
nothing_left($node, 'no volume is active, unfinished or unknown');
is(available(), $free, 'and all extents are given back');
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
done_testing();
