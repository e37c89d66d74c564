#!/usr/bin/perl
# remote.t: copying by the file server (copy_file_range).  strace tells the copier that the file system is
# NFS, and that what was copied has not come through the page cache; the kernel copies inside the real one, or refuses as a
# server may.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

plan skip_all => 'strace is not here' if !have_command('strace');
my ($release) = command_ok(qw(uname -r)) =~ /^(\d+\.\d+)/;
my ($major, $minor) = split /\./, $release;
plan skip_all => "kernel $release copies on servers with bugs" if $major < 5 || ($major == 5 && $minor < 19);

my $space = workspace('/tmp');
chdir $space or die;
my $nfs = 'fstatfs:poke_exit=@arg2=6969000000000000';    # f_type = NFS_SUPER_MAGIC, little endian
my $by_server = 'mincore:poke_exit=@arg3=' . '00' x 16;    # the 16 pages of the copier's try
my ($works) = run_command([ qw(strace -qq -o trace -e trace=fstatfs -e), "inject=$nfs", 'true' ]);
plan skip_all => 'this strace pokes no memory' if $works != 0 || unpack('H4', pack 'S', 1) ne '0100';

command_ok(qw(qemu-img create -q -f raw base.raw), (24 << 20) + 512);
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 16M', '-c', 'write -q -P 2 24M 512', 'base.raw');
command_ok(qw(qemu-img create -q -f qcow2 -o cluster_size=4k -b base.raw -F raw top.qcow2));
command_ok(qw(qemu-io -f qcow2), (map { ('-c', "write -q -P 3 ${_}k 4k") } map { 1000 + 36 * $_ } 0 .. 60), '-c', 'write -q -z 5M 1M', '-c', 'write -q -P 4 20M 3M', 'top.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 oracle));
# compressed clusters must be decoded here; the rest the server can copy
spew('text', join '', map { "$_ " . $_ * 7919 % 10007 . "\n" } 1 .. 400_000);
truncate 'text', 6 << 20;
command_ok(qw(qemu-img convert -q -c -f raw -O qcow2 text mixed.qcow2));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 5 1M 2M', 'mixed.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw mixed.qcow2 mixed.oracle));
my @chain = qw(--layer raw:base.raw --layer qcow2:top.qcow2);

# A copy as on NFS: (exit code, events, stderr, trace).
sub on_nfs
{
	my ($inject, @arguments) = @_;
	my ($code, $out, $err) = run_command([ qw(strace -f -qq -y -o trace -e), 'trace=fstatfs,fallocate,copy_file_range,mincore', (map { ('-e', "inject=$_") } $nfs, $by_server, @$inject), $copier, 'copy', @arguments, qw(--progress json) ]);
	return ($code, $out, $err, slurp('trace'));
}

sub exact
{
	my ($what, $format, $oracle) = @_;
	is((run_command([ qw(qemu-img compare -q -f raw -F), $format, $oracle, 'out' ]))[0], 0, "$what: exact");
	is((run_command([ qw(qemu-img check -q -f qcow2 out) ]))[0], 0, "$what: clean") if $format eq 'qcow2';
	unlink 'out';
	return;
}

# ---------- what the server copies ----------
for my $case ([ 'raw' ], [ 'qcow2' ], [ 'qcow2', '--cluster-size', 512 ], [ 'qcow2', '--compat', '0.10', '--cluster-size', '2M' ], [ 'raw', '--verify', '--threads', 1 ])
{
	my ($format, @options) = @$case;
	my $what = "$format @options";
	my ($code, $out, $err, $trace) = on_nfs([], @chain, '--output', "$format:out", @options);
	is($code, 0, $what) or diag $err;
	my $done = done_event($out);
	is($done->{method}, 'copy_file_range', "$what: by the server");
	my $copied = 0;
	$copied += $_ for $trace =~ /copy_file_range\(.*?= (\d+)$/mg, $trace =~ /copy_file_range resumed>.*?= (\d+)$/mg;
	cmp_ok($copied, '>=', $done->{bytes_done} - (1 << 20), "$what: nearly all of it") or diag "$copied of $done->{bytes_done}";
	exact($what, $format, 'oracle');
}
{
	my ($code, $out, $err, $trace) = on_nfs([], qw(--layer qcow2:mixed.qcow2 --output raw:out));
	is($code, 0, 'compressed and other clusters') or diag $err;
	like($trace, qr/copy_file_range\(.*mixed/, 'what is not compressed is for the server');
	exact('mixed', 'raw', 'mixed.oracle');
}

# ---------- a server that does not, or not all of it ----------
for my $inject ((map { "copy_file_range:error=$_" } qw(EOPNOTSUPP EXDEV EINVAL EIO ENOSYS)), 'copy_file_range:error=EINTR:when=1', 'copy_file_range:retval=0', 'copy_file_range:error=EOPNOTSUPP:when=3+')
{
	my ($code, undef, $err, $trace) = on_nfs([$inject], @chain, qw(--output raw:out));
	is($code, 0, "$inject: copied all the same") or diag $err;
	like($trace, qr/copy_file_range.*INJECTED/, 'the server was asked');
	exact($inject, 'raw', 'oracle');
}

# ---------- a server without COPY: the kernel reads and writes itself, which fills the page cache ----------
{
	my ($code, $out, $err) = on_nfs([ $by_server =~ s/=00.*/'=' . '01' x 16/er ], @chain, qw(--output raw:out));
	is($code, 0, 'NFS 4.2 without COPY') or diag $err;
	like(done_event($out)->{method}, qr/^threads/, 'no copying through this machine');
	exact('NFS 4.2 without COPY', 'raw', 'oracle');
}

# ---------- NFS before 4.2: copy_file_range would go through the client and fill the holes ----------
{
	my ($code, $out, $err, $trace) = on_nfs(['fallocate:error=EOPNOTSUPP'], @chain, qw(--output raw:out));
	is($code, 0, 'NFS 4.1') or diag $err;
	unlike($trace, qr/copy_file_range/, 'no copying by the server');
	exact('NFS 4.1', 'raw', 'oracle');
}

# ---------- when it is not asked ----------
for my $options ([ '--preallocate' ], [ '--no-reflink' ], [ '--io', 'direct' ], [ '--io', 'buffered' ])
{
	my ($code, $out, $err, $trace) = on_nfs([], @chain, qw(--output raw:out), @$options);
	is($code, 0, "@$options") or diag $err;
	unlike($trace, qr/copy_file_range/, "@$options: no copying by the server");
	exact("@$options", 'raw', 'oracle');
}
SKIP:
{
	my $elsewhere = workspace();
	skip 'both directories are on one file system', 1 if (stat $elsewhere)[0] == (stat $space)[0];
	command_ok('cp', 'base.raw', "$elsewhere/base.raw");
	my ($code, undef, $err, $trace) = on_nfs([], '--layer', "raw:$elsewhere/base.raw", qw(--layer qcow2:top.qcow2 --output raw:out));
	is($code, 0, 'a layer that is elsewhere') or diag $err;
	unlike($trace, qr/copy_file_range\([^,]*base\.raw/, 'is read');
	like($trace, qr/copy_file_range\([^,]*top\.qcow2/, 'the others are for the server');
	exact('elsewhere', 'raw', 'oracle');
}

# ---------- killed and resumed ----------
{
	my ($bad, $resumed, $deaths) = (0, 0, 0);
	for my $nth (1 .. 12)
	{
		my @command = (@chain, '--output', 'raw:out', qw(--resume out.resume --limit 64M));
		my ($code) = on_nfs([ "copy_file_range:signal=KILL:when=$nth" ], @command);
		last if $code == 0;
		$deaths++;
		($code, my $out, my $err) = on_nfs([], @command);
		$bad++ if $code != 0 || (run_command([ qw(qemu-img compare -q -f raw -F raw oracle out) ]))[0] != 0 || glob 'out.resume*';
		diag $err if $code != 0;
		unlink glob 'out*';
	}
	cmp_ok($deaths, '>', 2, "killed at $deaths calls");
	is($bad, 0, 'and gone on: exact, nothing left');
}
chdir '/';
done_testing();
