# A block domain, from attaching it to its clones: a volume group over iSCSI, through the worker.
use strict;
use warnings;
use BlockDomain;
use Guest;
use Test::More;
use VmcloneCluster;

my $node = block_server('block', conf => "vmclone.max_parallel_copies = 3\n");
my $domain = attach_block($node);
my $mount = $node->row("SELECT * FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'");
is("$mount->{kind} $mount->{real_path} $mount->{volume_group} $mount->{extent_size}", 'block /dev/iscsi iscsi ' . (4 << 20), 'attached');

my $vm = $node->make_vm(name => 'web', snapshots => 3, disks => [ { format => 'raw', size => '30M' }, { size => '33M' } ]);
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'raw', disks => to_domain($vm, $domain, 'RAW', 'RAW'));
is($node->wait_for_job($job->{job_id}), 'succeeded', 'file to block, raw');
clone_equal($node, $job->{vm_id}, $vm, 1, 'content');
done_testing();
