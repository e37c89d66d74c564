# What people and storage may do behind vmclone's back: notifications that are not its own, files exchanged between the
# checks and the copy and while it goes on, the database dropped in the middle of it.
use strict;
use warnings;
use Fcntl qw(SEEK_SET);
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('attacks', preload => 0, conf => "vmclone.retry_delay = '100ms'\nvmclone.poll_interval = 1\nvmclone.max_attempts = 2\nvmclone.wait_limit = 2\n");
my ($code, $out, $err);
$node->start_worker('postgres');

# A VM with one disk of its own: the chain is not touched by the other cases.
sub victim
{
	my $vm = $node->make_vm(disks => [ { writes => 60 } ]);
	my $disk = $vm->{disks}[0];
	return ($vm, map { "$disk->{path}/$disk->{images}[$_]" } 0, 1);
}

sub begin
{
	my ($vm, %arguments) = @_;
	return $node->clone($vm->{snapshots}[1], %arguments);
}

sub refused
{
	my ($job, $pattern, $what) = @_;
	my $end = $node->job_when($job->{job_id}, qw(succeeded failed));
	is($end->{status}, 'failed', "$what: refused");
	like($end->{reason} // '', $pattern, "$what: says why");
	is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_guid = '$job->{vm_id}'"), 0, "$what: nothing is left of the VM");
	return;
}

sub poke
{
	my ($path, $offset, $bytes) = @_;
	open(my $file, '+<:raw', $path) or die "$path: $!";
	sysseek($file, $offset, SEEK_SET);
	syswrite($file, $bytes);
	close $file;
	return;
}

# --- spoofed NOTIFY: anybody may send one
my ($vm, $base, $top) = victim();
my $job = begin($vm, vm_name => 'notified', start_paused => 'true');
$node->safe_psql('postgres', 'CREATE ROLE anybody');
$node->safe_psql('postgres', "SET ROLE anybody; NOTIFY vmclone_job, '{\"job_id\": \"$job->{job_id}\", \"status\": \"succeeded\"}'");
($code, $out, $err) = $node->psql('postgres', "CALL vmclone.wait_for_job('$job->{job_id}', '1 s')");
like($err, qr/is not over yet: paused/, 'a NOTIFY of somebody else\'s ends no waiting');
is($node->value("SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'paused', 'and no job');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'which goes on as it would have');

# --- text of rows is a value, never an option, a command or a line of its own
my $marker = $node->basedir . '/ran';
foreach my $alias ('--resume=/etc/passwd', '--', "\$(touch $marker)", "`touch $marker`; touch $marker", "'; DROP TABLE vmclone.jobs; --", '%s%n%d', 'a"b\\c')
{
	($vm, $base, $top) = victim();
	$job = begin($vm, vm_name => 'texts', disks => [ { disk_id => $vm->{disks}[0]{disk_id}, disk_alias => $alias } ]);
	is($node->wait_for_job($job->{job_id}), 'succeeded', "an alias $alias");
	is($node->value("SELECT disk_alias FROM vmclone.disks WHERE vm_id = '$job->{vm_id}'"), $alias, 'is kept as it is');
	my ($file) = $node->disk_files($job->{vm_id});
	my @lines = split /\n/, slurp_file("$file->{path}.meta");
	is(scalar(grep { /^(?:LEGALITY|DESCRIPTION)=/ } @lines), 2, 'and makes no line of its own in the metadata');
	$node->safe_psql('postgres', "UPDATE vmclone.vm_static SET vm_name = 'as ' || vm_guid WHERE vm_guid = '$job->{vm_id}'");
}
ok(!-e $marker, 'nothing was run');
($vm, $base, $top) = victim();
$job = begin($vm, vm_name => 'lines', disks => [ { disk_id => $vm->{disks}[0]{disk_id}, disk_alias => "one\nLEGALITY=LEGAL" } ]);
if ($node->wait_for_job($job->{job_id}) eq 'succeeded')
{
	my ($file) = $node->disk_files($job->{vm_id});
	is(scalar(grep { /^LEGALITY=/ } split /\n/, slurp_file("$file->{path}.meta")), 1, 'an alias of two lines makes none of its own');
}
else
{
	like($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), qr/one line/, 'an alias of two lines is refused');
}

# --- exchanged between the checks and the copier's opening
my $secret = $node->basedir . '/secret';
append_to_file($secret, 'what no guest may read' x 10_000);

my @exchanges = (
	[ 'a header that names another file as its backing file' => qr/backing/i,
		sub { VmcloneCluster::run_tool('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', $secret, '-F', 'raw', $top) } ],
	[ 'a backing file by an absolute path of the same last name' => undef,
		sub { my ($name) = $base =~ m{([^/]+)$}; copy($secret, $node->basedir . "/$name") or die; VmcloneCluster::run_tool('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', $node->basedir . "/$name", '-F', 'qcow2', $top) } ],
	[ 'an external data file' => qr/data file|incompatible/i, sub { poke($top, 72, pack('Q>', 4)) } ],
	[ 'encryption' => qr/encrypt/i, sub { poke($top, 32, pack('N', 1)) } ],
	[ 'a symbolic link to another file' => qr/link|could not open/i, sub { unlink $top or die; symlink $secret, $top or die } ],
	[ 'a fifo' => qr/regular|could not open/i, sub { unlink $top or die; system('mkfifo', $top) == 0 or die } ],
	[ 'a folder that is a link' => qr/link|could not open/i, sub { my ($folder) = $top =~ m{^(.*)/}; rename $folder, "$folder.real" or die; symlink "$folder.real", $folder or die } ],
	[ 'a raw file in place of qcow2' => qr/qcow2|magic/i, sub { copy($secret, $top) or die } ],
	[ 'a virtual size beyond all bounds' => qr/size|L1/i, sub { poke($top, 24, pack('Q>', 1 << 62)) } ]);
foreach my $exchange (@exchanges)
{
	my ($what, $pattern, $change) = @$exchange;
	($vm, $base, $top) = victim();
	$job = begin($vm, vm_name => 'exchanged', start_paused => 'true');
	my $oracle = $node->basedir . '/oracle.raw';
	VmcloneCluster::run_tool('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', $top, $oracle);
	$change->();
	$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
	if (defined $pattern)
	{
		refused($job, $pattern, $what);
		next;
	}
	# only the last name is compared, and only the rows say what is read: the secret is not
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$what: copied");
	my ($file) = $node->disk_files($job->{vm_id});
	VmcloneCluster::run_tool('qemu-img', 'compare', '-f', 'raw', '-F', $file->{format}, $oracle, $file->{path});
	ok(1, "$what: from the chain that the rows name");
	$node->safe_psql('postgres', "UPDATE vmclone.vm_static SET vm_name = 'as ' || vm_guid WHERE vm_guid = '$job->{vm_id}'");
}

# --- exchanged while the copier reads
sub while_it_copies
{
	my ($what, $change) = @_;
	($vm, $base, $top) = victim();
	$job = begin($vm, vm_name => 'changed', bandwidth_limit => 200_000);
	$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") or die 'nothing is copied';
	$change->();
	$node->lift_limit($job->{job_id});
	refused($job, qr/chang/i, $what);
	return;
}
while_it_copies('a header written over in the middle of the copy', sub { poke($top, 24, pack('Q>', 1 << 30)) });
while_it_copies('data written into a layer in the middle of the copy', sub { poke($base, -s $base, 'x' x 512) });

# --- the database dropped while a copier runs, without a launcher
$node->safe_psql('postgres', 'CREATE DATABASE doomed');
($vm, $base, $top) = victim();
$job = begin($vm, vm_name => 'doomed', bandwidth_limit => 200_000);
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") or die 'nothing is copied';
my @copiers = $node->copiers;
cmp_ok(scalar(@copiers), '>', 0, 'a copier runs');
($code, $out, $err) = $node->psql('template1', 'DROP DATABASE postgres');
like($err, qr/is being accessed by other users/, 'DROP DATABASE while it copies, not preloaded: refused');
($code, $out, $err) = $node->psql('template1', 'DROP DATABASE postgres WITH (FORCE)');
is($code, 0, 'DROP DATABASE … WITH (FORCE)') or diag $err;
is(join(' ', $node->copiers_that_stay(@copiers)), '', 'no copier outlives the database');
is($node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vmclone worker'"), 0, 'nor a worker');
my ($made) = glob $vm->{path} . '/images/*/*.part';
ok(defined $made, 'the unfinished file stays in the domain: nobody is left who knows of it (docs/security.md)');
$node->stop;
done_testing();
