# What docs/jobs.md promises for each error of storage, one by one: the kernel's answers are put into the real copier by strace.
# With 030_outside_causes.pl, 031_disk_full.pl, 032_storage.pl and test/guest/t/012_nfs_trouble.pl all of that table is tested.
use strict;
use warnings;
use Fcntl qw(:DEFAULT SEEK_SET);
use Test::More;
use VmcloneCluster;

plan skip_all => 'strace is not here, or may not trace' if system('strace -qq -o /dev/null true 2>/dev/null') != 0;

my $node = VmcloneCluster->start_new('causes', conf => "vmclone.retry_delay = '1min'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', size => '8M', writes => 30 } ]);
my ($snapshot, $path) = ($vm->{snapshots}[1], $vm->{path});
my $sign = $node->basedir . '/inject';
my $program = $node->value('SHOW vmclone.copy_program');
my $jobs = 0;

# the first step of that name meets what the sign says; the next ones don't
$node->wrap_copier($node->basedir . '/copier', <<"SH");
name=\$1
[ "\$name" != volume ] || name=\$2
if [ -s $sign.\$name ]; then
	expression=\$(cat $sign.\$name)
	rm $sign.\$name
	strace -f -qq -o /dev/null -e "inject=\$expression" "$program" "\$@"
	exit
fi
SH

sub write_sign
{
	my ($step, $expression) = @_;

	open my $file, '>', "$sign.$step" or die "open: $!";
	print $file $expression;
	close $file or die "close: $!";
	return;
}

# a job waits, keeps its source and what it has made, and is exact when it is tried again
sub waits
{
	my ($what, $step, $expression, $pattern) = @_;
	my $name = 'waits' . ++$jobs;

	write_sign($step, $expression);
	my $job = $node->clone($snapshot, vm_name => $name);
	my $seen = $node->job_when($job->{job_id}, qw(waiting failed succeeded));
	is($seen->{status}, 'waiting', "$what: the job waits");
	like($seen->{reason} // '', $pattern, "$what: and says why");
	isnt($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, "$what: its source stays locked");
	$node->safe_psql('postgres', "SELECT vmclone.retry_job('$job->{job_id}')");
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$what: tried again, it succeeds");
	$node->images_equal($job->{vm_id}, $vm, 1, "$what: exact");
	return;
}

my $write = 'pwrite64,pwritev';
my $read = 'pread64,preadv';
foreach my $error (qw(EDQUOT EIO ESTALE EROFS ETIMEDOUT EPERM))
{
	waits("$error on the output", 'copy', "$write:error=$error:when=3+", qr/$error/);
}
waits("$_ on a layer", 'copy', "$read:error=$_:when=4+", qr/disk ".*$_/) foreach qw(EIO ESTALE);
waits('EDQUOT while the volume is made', 'create', 'mkdirat:error=EDQUOT', qr/EDQUOT/);
waits('EIO while it is made complete', 'commit', 'renameat,renameat2:error=EIO', qr/EIO/);
waits("$_: the machine's own trouble", 'copy', "openat2:error=$_", qr/$_/) foreach qw(EMFILE ENOMEM);
waits('a sync that fails', 'copy', 'fsync,fdatasync:error=EIO', qr/EIO/);

# a copier that is gone while its job is paused, and an output that somebody has locked, as a copier does that has outlived its worker
{
	my $job = $node->clone($snapshot, vm_name => 'locked', bandwidth_limit => 100_000);
	my $task_of = "SELECT * FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'";
	# F_OFD_SETLK of struct flock: type, whence, start, len, pid
	my $flock = pack('s s x4 q q i x4', 1, SEEK_SET, 0, 0, 0);

	$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") or die 'nothing is copied';
	$node->safe_psql('postgres', "SELECT vmclone.pause_job('$job->{job_id}')");
	$node->job_when($job->{job_id}, 'paused');
	my ($copier) = $node->copiers;
	kill 'KILL', $copier or die 'there is no copier';
	$node->poll_query_until('postgres', "SELECT status = 'init' FROM ($task_of) t") or die 'its end is not seen';
	is($node->value("SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'paused', 'a copier that is killed while the job is paused: it stays so');
	my $task = $node->row($task_of);
	open my $part, '+<', "$path/images/$task->{disk_id}/$task->{image_id}.part" or die "open: $!";
	fcntl($part, 37, $flock) or die "fcntl: $!";
	$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}'), vmclone.alter_job('$job->{job_id}', bandwidth_limit => 0)");
	my $seen = $node->job_when($job->{job_id}, qw(waiting failed succeeded));
	is($seen->{status}, 'waiting', 'an output that is locked: the job waits');
	like($seen->{reason}, qr/lock|in use|busy/, 'and says so');
	close $part;
	$node->safe_psql('postgres', "SELECT vmclone.retry_job('$job->{job_id}')");
	is($node->wait_for_job($job->{job_id}), 'succeeded', 'and goes on when it is free');
	$node->images_equal($job->{vm_id}, $vm, 1, 'an output that was locked: exact');
}

# a source that changes while it is read
{
	my $job = $node->clone($snapshot, vm_name => 'changes', bandwidth_limit => 300_000);
	$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") or die 'nothing is copied';
	utime undef, undef, "$vm->{disks}[0]{path}/$vm->{disks}[0]{images}[0]" or die "utime: $!";
	$node->lift_limit($job->{job_id});
	is($node->wait_for_job($job->{job_id}), 'failed', 'a source that changes while it is read fails the job');
	like($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), qr/changed/, 'and says so');
	is(join(' ', $node->leftovers), '', 'nothing is left');
}
is(join(' ', $node->leftovers), '', 'nothing is left over of all of them');
done_testing();
