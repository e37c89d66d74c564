# A block domain when things go wrong: devices that fail writes or hold their writer in mid copy, and what stays of removed volumes on the
# disk.
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
my $held;
thin_target(1);
END
{
	try_run('sudo', '-n', 'dmsetup', 'resume', $held) if defined $held;
	thin_target(0);
}
isnt(as_root('lsblk', '-ndbo', 'DISC-MAX', $lun) + 0, 0, 'the disk can discard');

my $node = block_server('faults', conf => "vmclone.max_parallel_copies = 6\nvmclone.retry_delay = '1min'\n");
my $domain = attach_block($node);
my $vm = $node->make_vm(name => 'web', snapshots => 2, disks => [ { format => 'raw', size => '24M', writes => 150 }, { size => '21M', writes => 150 } ]);
my $small = $node->make_vm(name => 'small', snapshots => 2, disks => [ { format => 'raw', size => '24M', writes => 150 } ]);

sub begin
{
	my ($name, $source, @rest) = @_;

	return $node->clone($source->{snapshots}[0], vm_name => $name, lock_mode => 'shared', disks => to_domain($source, $domain, 'RAW', 'COW'), @rest);
}

sub available
{
	return $node->value("SELECT available_bytes FROM vmclone.check_storage_domain('$domain')");
}

# device mapper's name for the job's raw volume, and its table
sub mapping
{
	my ($job) = @_;
	my $image = $node->value("SELECT image_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' AND volume_format = 'RAW'");
	my $mapping = 'iscsi-' . ($image =~ s/-/--/gr);

	return ($mapping, as_root('dmsetup', 'table', $mapping));
}

sub reload
{
	my ($mapping, $table) = @_;

	as_root('dmsetup', 'reload', $mapping, '--table', $table);
	as_root('dmsetup', 'resume', $mapping);
	return;
}

my $free = available();
as_root('modprobe', 'dm-flakey');
my %job = (flakey => begin('flakey', $vm, bandwidth_limit => 100_000), map { $_ => begin($_, $small, bandwidth_limit => 50_000) } qw(stuck secret discarded));
my $all = join ', ', map { "'$_->{job_id}'" } values %job;
wait_until($node, "SELECT count(*) = 5 FROM vmclone.async_tasks WHERE phase IN ('zero', 'data') AND job_id IN ($all)");

# the device of the raw disk fails writes in mid copy: the job waits
my ($flakey, $linear) = mapping($job{flakey});
my ($sectors, $place) = $linear =~ /^0 (\d+) linear (\S+ \d+)$/ or die $linear;
reload($flakey, "0 $sectors flakey $place 0 600 1 error_writes");
$node->lift_limit($job{flakey}{job_id});
like($node->job_when($job{flakey}{job_id}, 'waiting')->{reason}, qr/EIO/, 'a device that fails writes: the job waits, and says why');
reload($flakey, $linear);
$node->for_jobs('retry_job(job)', "job_id = '$job{flakey}{job_id}'");

# a copier that can't be killed, since the kernel holds it: its task is left alone as long as it lives
($held) = mapping($job{stuck});
as_root('dmsetup', 'suspend', '--nolockfs', '--noflush', $held);
# at its limit it may be between two writes, and would end at once
$node->lift_limit($job{stuck}{job_id});
for (1 .. 300)
{
	my $copier = run('sh', '-c', "pgrep -f 'vmclone-copy .*copy .*" . ($held =~ s/^iscsi-//r =~ s/--/-/gr) . "' | head -n 1");
	last if $copier && run('ps', '-L', '-o', 'stat=', '-p', $copier) =~ /^D/m;
	select undef, undef, undef, 0.2;
}
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job{stuck}{job_id}')");

# what is removed: the content must not stay readable where the disk says so, the disk has its room back where the domain says so
my %extents;
sub where_it_lies
{
	my ($name) = @_;
	my $image = $node->value("SELECT image_id FROM vmclone.async_tasks WHERE job_id = '$job{$name}{job_id}'");
	my ($first, $last) = as_root('lvs', '--noheadings', '-o', 'seg_pe_ranges', "iscsi/$image") =~ m{^\s*\Q$lun\E:(\d+)-(\d+)\s*$} or die 'more than one segment';
	my ($start) = as_root('pvs', '--noheadings', '--nosuffix', '--units', 'b', '-o', 'pe_start', $lun) =~ /(\d+)/;

	return (($start + $first * $extent) / $mib, ($last - $first + 1) * $extent / $mib);
}
# bytes of the volume's place on the target's own disk that are not zero
sub bytes_there
{
	my ($skip, $count) = @_;

	return as_root('sh', '-c', "dd if=/dev/vdd iflag=direct bs=1M skip=$skip count=$count status=none | tr -d '\\0' | wc -c") + 0;
}
foreach my $name (qw(secret discarded))
{
	my ($skip, $count) = @{ $extents{$name} = [ where_it_lies($name) ] };

	as_root('dd', 'if=/dev/urandom', "of=$lun", 'oflag=direct', 'bs=1M', 'seek=' . ($skip + 16), 'count=4', 'status=none');
	cmp_ok(bytes_there($skip, $count), '>', 4_000_000, "$name: there is something to be read");
}
$node->safe_psql('postgres', "UPDATE vmclone.base_disks SET wipe_after_delete = true WHERE disk_id = (SELECT disk_id FROM vmclone.async_tasks WHERE job_id = '$job{secret}{job_id}')");
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job{secret}{job_id}')");
is(finish($node, $job{secret}{job_id}), 'cancelled', 'secret: cancelled');
is(bytes_there(@{ $extents{secret} }), 0, 'secret: wiped');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET discard_after_delete = true WHERE id = '$domain'");
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job{discarded}{job_id}')");
is(finish($node, $job{discarded}{job_id}), 'cancelled', 'discarded: cancelled');
is(bytes_there(@{ $extents{discarded} }), 0, 'discarded: the disk has taken it back');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET discard_after_delete = false WHERE id = '$domain'");

wait_until($node, "SELECT phase = 'stuck' FROM vmclone.async_tasks WHERE job_id = '$job{stuck}{job_id}'");
is($node->value("SELECT concat_ws(' ', status, tasks_stuck > 0) FROM vmclone.jobs, vmclone.worker WHERE job_id = '$job{stuck}{job_id}'"), 'cancelling t', 'a device that holds its writer: the cancel waits, view worker counts it');
as_root('dmsetup', 'resume', $held);
is(finish($node, $job{stuck}{job_id}), 'cancelled', 'a device that held its writer: and is through when the copier has gone');

is(finish($node, $job{flakey}{job_id}), 'succeeded', 'a device that failed writes: the job succeeds when it does not')
  or diag $node->value("SELECT string_agg(concat_ws(' ', phase, status, error), chr(10)) FROM vmclone.async_tasks WHERE job_id = '$job{flakey}{job_id}'");
clone_equal($node, $job{flakey}{vm_id}, $vm, 0, 'a device that failed writes: exact');
nothing_left($node, 'no volume is active, unfinished or unknown');
as_root('lvremove', '-q', '-f', map { "iscsi/$_" } volumes());
is(available(), $free, 'and all extents are given back');
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
done_testing();
