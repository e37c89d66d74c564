# A block domain whose volume group is full: the job waits, says how many bytes are missing, and goes on when there are some.
use strict;
use warnings;
use BlockDomain;
use Guest;
use Test::More;
use VmcloneCluster;

my $node = block_server('faults');
my $domain = attach_block($node);
my $vm = $node->make_vm(name => 'web', snapshots => 2, disks => [ { format => 'raw', size => '32M', writes => 10 }, { size => '33M', writes => 10 } ]);

as_root('lvcreate', '-q', '-y', '-Wn', '-an', '-n', 'filler', '-l', '100%FREE', 'iscsi');
my $job = $node->clone($vm->{snapshots}[0], vm_name => 'full', disks => to_domain($vm, $domain, 'RAW', 'COW'));
my $waiting = $node->job_when($job->{job_id}, 'waiting');
is($waiting->{reason_key}, 'no_space', 'a full group: the job waits');
like($waiting->{reason}, qr/\d+ bytes are needed, 0 are available, \d+ are missing/, 'and says how much is missing');
as_root('lvremove', '-q', '-f', 'iscsi/filler');
$node->for_jobs('retry_job(job)', "job_id = '$job->{job_id}'");
is(finish($node, $job->{job_id}), 'succeeded', 'and goes on when there is room') or diag $node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
clone_equal($node, $job->{vm_id}, $vm, 0, 'content');
nothing_left($node, 'no volume is active, unfinished or unknown');
as_root('lvremove', '-q', '-f', map { "iscsi/$_" } volumes());
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
done_testing();
