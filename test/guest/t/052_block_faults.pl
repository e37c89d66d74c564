# A block domain on a disk that fails: writes that fail in mid copy (dm-flakey), and what stays on the disk of volumes that are removed, which
# are wiped where the disk's row says so and given back where the domain's does.
use strict;
use warnings;
use BlockDomain;
use Guest;
use Test::More;
use VmcloneCluster;

my $mib = 1 << 20;
my $extent = 4 * $mib;
my $lun = as_root('sh', '-c', 'lsblk -ndo PATH,TRAN | sed -n "s/ *iscsi$//p"');
# the target takes back what is discarded, and the kernel is told so; no more when the test is over
sub thin_target
{
	my ($thin) = @_;

	as_root(qw(tgtadm --lld iscsi --mode logicalunit --op update --tid 1 --lun 1 --params), "thin_provisioning=$thin");
	as_root('sh', '-c', 'echo 1 >/sys/block/' . ($lun =~ s{.*/}{}r) . '/device/rescan');
	return;
}
thin_target(1);
END { local $?; thin_target(0) }
isnt(as_root('lsblk', '-ndbo', 'DISC-MAX', $lun) + 0, 0, 'the disk can discard');

my $node = block_server('faults', conf => "vmclone.max_parallel_copies = 3\nvmclone.retry_delay = '1min'\n");
my $domain = attach_block($node);
my $vm = $node->make_vm(name => 'web', snapshots => 2, disks => [ { format => 'raw', size => '24M', writes => 100 } ]);
my @names = qw(flakey secret discarded);
my %job = map { $_ => $node->clone($vm->{snapshots}[0], vm_name => $_, lock_mode => 'shared', bandwidth_limit => 50_000, disks => to_domain($vm, $domain, 'RAW')) } @names;

as_root('modprobe', 'dm-flakey');
wait_until($node, q{SELECT count(*) = 3 FROM vmclone.async_tasks WHERE phase IN ('zero', 'data')});
my %image = map { $_->{vm_name} => $_->{image_id} } $node->rows('SELECT vm_name, image_id FROM vmclone.async_tasks JOIN vmclone.jobs USING (job_id)');

# the device fails writes in mid copy: the job waits
my ($mapping, $linear) = device_table($image{flakey});
my ($sectors, $place) = $linear =~ /^0 (\d+) linear (\S+ \d+)$/ or die $linear;
load_table($mapping, "0 $sectors flakey $place 0 600 1 error_writes");
$node->lift_limit($job{flakey}{job_id});
like($node->job_when($job{flakey}{job_id}, 'waiting')->{reason}, qr/EIO/, 'a device that fails writes: the job waits, and says why');
load_table($mapping, $linear);
$node->for_jobs('retry_job(job)', "job_id = '$job{flakey}{job_id}'");

# Where on the target's own disk a volume lies, in MiB: first, and how many.
sub place_of
{
	my ($image) = @_;
	my ($first, $last) = as_root('lvs', '--noheadings', '-o', 'seg_pe_ranges', "iscsi/$image") =~ m{^\s*\Q$lun\E:(\d+)-(\d+)\s*$} or die 'more than one segment';
	my ($start) = as_root('pvs', '--noheadings', '--nosuffix', '--units', 'b', '-o', 'pe_start', $lun) =~ /(\d+)/;

	return (($start + $first * $extent) / $mib, ($last - $first + 1) * $extent / $mib);
}

# Bytes there that are not zero.
sub bytes_there
{
	my ($skip, $count) = @_;

	return as_root('sh', '-c', "dd if=/dev/vdd iflag=direct bs=1M skip=$skip count=$count status=none | tr -d '\\0' | wc -c") + 0;
}

# Bytes that the disk was told to take back, by its own counter.
sub discarded_bytes { return (split ' ', run('cat', '/sys/block/' . ($lun =~ s{.*/}{}r) . '/stat'))[13] * 512 }

my %place = map { $_ => [ place_of($image{$_}) ] } qw(secret discarded);
foreach my $name (sort keys %place)
{
	my ($skip, $count) = @{ $place{$name} };

	as_root('dd', 'if=/dev/urandom', "of=$lun", 'oflag=direct', 'bs=1M', 'seek=' . ($skip + 16), 'count=4', 'status=none');
	cmp_ok(bytes_there($skip, $count), '>', 4_000_000, "$name: there is something to be read");
}
$node->safe_psql('postgres', "UPDATE vmclone.base_disks SET wipe_after_delete = true WHERE disk_id = (SELECT disk_id FROM vmclone.async_tasks WHERE image_id = '$image{secret}')");
my $before = discarded_bytes();
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job{secret}{job_id}')");
is(finish($node, $job{secret}{job_id}), 'cancelled', 'secret: cancelled');
is(bytes_there(@{ $place{secret} }), 0, 'secret: wiped, as the disk says');
is(discarded_bytes(), $before, 'secret: and not discarded, as the domain does not say so');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET discard_after_delete = true WHERE id = '$domain'; SELECT vmclone.cancel_job('$job{discarded}{job_id}')");
is(finish($node, $job{discarded}{job_id}), 'cancelled', 'discarded: cancelled');
is(bytes_there(@{ $place{discarded} }), 0, 'discarded: the disk has taken it back');
is(discarded_bytes() - $before, $place{discarded}[1] * $mib, 'discarded: all of the volume, and nothing else');

is(finish($node, $job{flakey}{job_id}), 'succeeded', 'a device that failed writes: the job succeeds when it does not')
  or diag $node->value("SELECT string_agg(concat_ws(' ', phase, status, error), chr(10)) FROM vmclone.async_tasks WHERE job_id = '$job{flakey}{job_id}'");
clone_equal($node, $job{flakey}{vm_id}, $vm, 0, 'a device that failed writes: exact');
nothing_left($node, 'no volume is active, unfinished or unknown');
as_root('lvremove', '-q', '-f', "iscsi/$image{flakey}");
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
done_testing();
