#!/usr/bin/perl
# shutdown.t: XFS stops as it does when a machine crashes: what it has not logged, and what it has in memory, is lost.  A volume that
# was committed is whole then; one that was under way is made by the same sequence again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(sleep time);

# A mount of its own: one that another process's new namespace had copied would keep the file system from ending.
if ($> == 0 && !$ENV{OWN_MOUNTS} && have_command('unshare'))
{
	local $ENV{OWN_MOUNTS} = 1;
	exec 'unshare', '--mount', $^X, $0, @ARGV or die "unshare: $!";
}
my $space = workspace();
my $seed = $ENV{SEED} // time % 1_000_000;
srand int $seed;
diag('SEED=' . int $seed);

plan skip_all => 'an XFS loop file needs root' unless $> == 0 && have_command('mkfs.xfs') && have_command('xfs_io') && have_command('losetup');
my $folder = "$space/xfs";
my $disk = "$space/xfs.img";
spew($disk, '');
truncate $disk, 1 << 30;
mkdir $folder or die;
command_ok(qw(mkfs.xfs -q -f -m reflink=1), $disk);
plan skip_all => 'loop mounts are not permitted here' if (run_command([ qw(mount -o loop), $disk, $folder ]))[0] != 0;

my $domain = '7b5e0f5e-1111-4222-8333-944444444444';
my $root = "$folder/domain";
mkdir $root or die;
my @identity = ('--storage-domain', $domain, '--token', 't');
is((volume(attach => '--path', $root, '--roots', $folder, @identity))[0], 0, 'attach');
command_ok(qw(qemu-img create -q -f raw), "$folder/base.raw", '32M');
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', '-c', 'write -q -P 2 20M 1M', "$folder/base.raw");
command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw), "$folder/top.qcow2");
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 3 1M 1M', '-c', 'write -q -P 4 24M 64k', "$folder/top.qcow2");
command_ok('sync');

my $number = 0;

sub new_volume
{
	my ($format, @more) = @_;
	my $id = sprintf '11111111-2222-4333-8444-%012d', ++$number;
	my @names = ('--root', $root, '--disk', $id, '--image', $id);
	my $final = "$root/images/$id/$id";

	return {
		final => $final,
		format => $format,
		steps => [
			qw(sequence volume check --root), $root, @identity, '--then', qw(volume create), @names, '--domain', $domain,
			'--size', 32 << 20, '--format', $format eq 'raw' ? 'RAW' : 'COW', qw(--type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA), '--then',
			'copy', '--layer', "raw:$folder/base.raw", '--layer', "qcow2:$folder/top.qcow2", qw(--backing-name base.raw),
			'--output', "$format:$final.part", '--size', 32 << 20, '--resume', "$final.part.resume", qw(--keep-record --progress json), @more,
			'--then', qw(volume commit), @names ] };
}

# Nothing that is not on the device yet gets there: neither the log's end nor data.
sub crash
{
	my ($code) = run_command([ qw(xfs_io -x -c shutdown), $folder ]);
	is($code, 0, 'the file system stops');
	return;
}

sub start_again
{
	# a process that has failed may hold it for a moment
	for (1 .. 100)
	{
		last if (run_command([ 'umount', $folder ]))[0] == 0;
		sleep 0.1;
	}
	command_ok(qw(mount -o loop), $disk, $folder);
	return;
}

sub is_whole
{
	my ($volume, $what) = @_;
	my $meta = -e "$volume->{final}.meta" ? slurp("$volume->{final}.meta") : '';
	my ($code, $out, $err) = run_command([ qw(qemu-img compare -f qcow2 -F), $volume->{format}, "$folder/top.qcow2", $volume->{final} ]);

	is($code, 0, "$what: the image is whole") or diag "$out$err";
	like($meta, qr/^LEGALITY=LEGAL\n.*^EOF$/ms, "$what: it is legal");
	cmp_ok(-s "$volume->{final}.lease" // 0, '>', 0, "$what: its lease is there");
	ok(!-e "$volume->{final}.part" && !-e "$volume->{final}.part.resume" && !-e "$volume->{final}.meta.new", "$what: and nothing else");
	return;
}

# ---------- what was committed stays ----------
for my $case ([ 'shared to qcow2', 'qcow2' ], [ 'shared to raw', 'raw' ], [ 'copied to qcow2', 'qcow2', '--no-reflink' ], [ 'read back', 'raw', '--verify' ])
{
	my ($what, @how) = @$case;
	my @volumes = map { new_volume(@how) } 1 .. 3;
	for my $volume (@volumes)
	{
		my ($code, $out, $err) = run_command([ $copier, @{ $volume->{steps} } ]);
		is($code, 0, "$what: committed") or diag "$out$err";
	}
	crash();
	start_again();
	is_whole($_, $what) for @volumes;
}

# ---------- between the last name and its sync ----------
# XFS answers the directory's fsync with 0 although it has stopped, and the name is gone after the next mount.
SKIP:
{
	skip 'strace is not here', 11 if !have_command('strace');
	skip 'sanitizers and strace exclude each other', 11 if $copier =~ /sanitize/;
	my $volume = new_volume('raw');
	my $new_meta = "$volume->{final}.meta.new";
	my @steps = @{ $volume->{steps} };
	my ($last) = grep { $steps[$_] eq '--then' } reverse 0 .. $#steps;
	my ($code, $out, $err) = run_command([ $copier, @steps[0 .. $last - 1] ]);
	is($code, 0, 'all but the commit') or diag "$out$err";

	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$space/answer";
		open STDERR, '>', '/dev/null';
		exec qw(strace -f -qq -o), "$space/trace", qw(-e trace=renameat -e inject=renameat:delay_exit=1500000), $copier, @steps[$last + 1 .. $#steps];
		exit 127;
	}
	my $end = time + 20;
	sleep 0.01 until (-e $volume->{final} && !-e $new_meta) || time > $end;
	ok(-e "$volume->{final}.meta" && !-e $new_meta, 'both names are given');
	crash();
	waitpid $pid, 0;
	isnt($?, 0, 'the commit fails');
	like(slurp("$space/answer"), qr/"errno":"EIO".*could not sync/, 'it says why');
	start_again();
	($code, $out, $err) = run_command([ $copier, @steps ]);
	is($code, 0, 'the sequence again') or diag "$out$err";
	is_whole($volume, 'again');
}

# ---------- at any moment ----------
my $took = do
{
	my $begun = time;
	run_command([ $copier, @{ new_volume('qcow2')->{steps} } ]);
	time - $begun;
};
my %ends;
for my $round (1 .. $ENV{CRASHES} || 20)
{
	my $volume = new_volume($round % 2 ? 'qcow2' : 'raw', $round % 3 ? () : '--no-reflink');
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec $copier, @{ $volume->{steps} };
		exit 127;
	}
	sleep rand(1.2) * $took;
	crash();
	waitpid $pid, 0;
	my $done = $? == 0;
	$ends{ $done ? 'committed' : 'cut off' }++;
	start_again();
	is_whole($volume, "round $round") if $done;
	my ($code, $out, $err) = run_command([ $copier, @{ $volume->{steps} } ]);
	is($code, 0, "round $round: the sequence again") or diag "$out$err";
	is_whole($volume, "round $round, again");
}
diag(join ', ', map { "$ends{$_} $_" } sort keys %ends);
done_testing();
