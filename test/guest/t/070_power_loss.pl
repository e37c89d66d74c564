# The power goes while clones are copied and rows are written: what was not synced at that instant is lost, of the database
# and of the storage alike.  After each start what was committed is there, every clone is exact, nothing is left over.
use strict;
use warnings;
use File::Path qw(make_path);
use Guest;
use Test::More;
use Time::HiRes qw(sleep);
use VmcloneCluster;

my $seed = $ENV{VMCLONE_TEST_SEED} || time;
my $losses = $ENV{VMCLONE_TEST_LOSSES} || 4;
# the server syncs its whole folder when it starts
local $ENV{PGCTLTIMEOUT} = 900;
srand($seed);
diag("VMCLONE_TEST_SEED=$seed");

# XFS over a device that writes, or drops what it is asked to write and says that it is written
my $disk = logical_volume('power', 1000);
my $sectors = as_root('blockdev', '--getsz', $disk);
my $device = '/dev/mapper/power';
my $place = PostgreSQL::Test::Utils::tempdir() . '/disk';

as_root('modprobe', 'dm-flakey');
as_root('dmsetup', 'create', 'power', '--table', "0 $sectors linear $disk 0");
as_root('udevadm', 'settle');
# without shared blocks, so that copies take their time
as_root('mkfs.xfs', '-q', '-f', '-m', 'reflink=0', $device);
make_path($place);
as_root('mount', $device, $place);
as_root('chown', 'postgres:', $place);

# the server's data, its log of transactions and its storage domains
$PostgreSQL::Test::Utils::tmp_check = $place;
my $node = VmcloneCluster->start_new('power',
	conf => "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\nrecovery_init_sync_method = syncfs\nmin_wal_size = 32MB\nvmclone.retry_delay = '100ms'\nvmclone.max_attempts = 1000\n");
like($node->storage_root, qr{^\Q$place\E/}, 'all of it lies on the device');
my $vm = $node->make_vm(
	name => 'web01',
	snapshots => 3,
	disks => [ { format => 'raw', size => '8M', writes => 20 }, { size => '8M', cluster => 4096, writes => 20 } ]);
# what the test itself has written, the server's settings too, is there before the first loss
run('sync');
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";
my (@clones, @cancelled);

foreach my $round (1 .. $losses)
{
	my $limit = 1_000_000 + int(rand(3_000_000));
	my @new = $node->rows("SELECT * FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[1]', 'clone${round}_{n}', lock_mode => 'shared',"
		  . " copies => 2, bandwidth_limit => $limit)");

	push @clones, pop @new;
	push @cancelled, @new;
	sleep(rand(4));
	$node->for_jobs('cancel_job(job)', "job_id = '$new[0]{job_id}'") if rand() < 0.3;
	sleep(rand(3));
	lose_power();
	$node->start;
	is($node->value('SELECT count(*) FROM vmclone.jobs'), 2 * $round, "loss $round: what was committed is there");
}
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);
foreach my $job (@clones)
{
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$job->{vm_name} succeeds")
	  or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	$node->images_equal($job->{vm_id}, $vm, 1, "$job->{vm_name} is exact");
}
foreach my $job (@cancelled)
{
	my $status = $node->wait_for_job($job->{job_id});

	like($status, qr/^(?:cancelled|succeeded)$/, "$job->{vm_name} is over");
	$node->images_equal($job->{vm_id}, $vm, 1, "$job->{vm_name} is exact") if $status eq 'succeeded';
}
is_deeply([ $node->leftovers ], [], 'no file is left over');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'nothing is locked');
is($node->value('SELECT count(*) FROM vmclone.vm_names'), 0, 'no name is reserved');
is($node->value("SELECT count(*) FROM vmclone.vm_static v JOIN vmclone.jobs j ON j.vm_id = v.vm_guid WHERE j.status <> 'succeeded'"),
	0, 'no row is left of what did not succeed');
$node->stop;
as_root('umount', $place);
as_root('dmsetup', 'remove', 'power');
as_root('lvremove', '-q', '-y', 'iscsi/power');
done_testing();

# From one instant on nothing reaches the disk any more; then all programs are gone, and all that was in memory.
sub lose_power
{
	change_device("flakey $disk 0 0 3600 1 drop_writes");
	kill 'KILL', split ' ', run('sh', '-c', "pgrep -f '^postgres:|/postgres |vmclone-copy' || true");
	$node->{_pid} = undef;
	for my $try (1 .. 100)
	{
		last if (try_run('sudo', '-n', 'umount', $place))[0] == 0;
		sleep 0.1;
	}
	isnt((try_run('mountpoint', '-q', $place))[0], 0, 'the disk is off');
	change_device("linear $disk 0");
	as_root('mount', $device, $place);
	unlink $node->data_dir . '/postmaster.pid';
	return;
}

# The file system goes on without being told.
sub change_device
{
	my ($table) = @_;

	as_root('dmsetup', 'load', 'power', '--table', "0 $sectors $table");
	as_root('dmsetup', 'suspend', '--noflush', '--nolockfs', 'power');
	as_root('dmsetup', 'resume', 'power');
	return;
}
