#!/usr/bin/perl
# filesystems.t: generated chains on a real disk's file system, and on XFS, where layers and results
# share blocks.  The other tests run in memory.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $space = workspace('/tmp');

sub generated
{
	my ($what, $dir, $count) = @_;
	local $ENV{COPYTEST_DIR} = $dir;
	local $ENV{CHAINS}       = $count;
	my ($code, $out, $err) = run_command([ $^X, "$FindBin::Bin/generated.t" ], timeout => 600);
	is($code, 0, "$count generated chains on $what") or diag join "\n", (grep { /not ok/ } split /\n/, $out), $err;
	return;
}
my $chains = $ENV{CHAINS} ? $ENV{CHAINS} / 5 : 20;
generated('the file system of /tmp', $space, int $chains);

# what goes through the page cache doesn't stay there, and the layer's pages do
SKIP:
{
	skip 'fincore is not installed', 3 unless have_command('fincore');
	chdir $space or die;
	spew('layer.raw', join '', map { chr(1 + $_ % 255) x (1 << 20) } 1 .. 160);
	my ($code, undef, $err) = run_command([ $copier, qw(copy --layer raw:layer.raw --output raw:out --io buffered --no-reflink) ]);
	is($code, 0, 'a copy through the page cache') or diag $err;
	my %resident = map { split ' ' } split /\n/, command_ok(qw(fincore -n -b -o), 'FILE,RES', qw(layer.raw out));
	cmp_ok($resident{out}, '<', 8 << 20, 'the result has left memory');
	cmp_ok($resident{'layer.raw'}, '>', 100 << 20, 'the layer has not');
	is((run_command([qw(cmp layer.raw out)]))[0], 0, 'content');
	unlink 'layer.raw', 'out';
	chdir '/';
}

# scattered pieces in a sparse result are written through the page cache, many at once; all else directly
SKIP:
{
	chdir $space or die;
	for my $layer ([ 'scattered.raw', 100, 64 << 10 ], [ 'runs.raw', 100, 768 << 10 ], [ 'few.raw', 50, 64 << 10 ])
	{
		my ($name, $count, $bytes) = @$layer;
		open my $handle, '>', $name or die;
		for my $i (0 .. $count - 1)
		{
			sysseek $handle, $i << 20, 0 or die;
			syswrite($handle, chr(1 + $i) x $bytes) == $bytes or die;
		}
		truncate $handle, 200 << 20;
		close $handle;
	}
	my $copy = sub {
		my ($layer, @options) = @_;
		my ($code, $out, $err) = run_command([ $copier, qw(copy --progress json --no-reflink --layer), "raw:$layer", '--output', 'raw:out', @options ]);
		is($code, 0, join ' ', 'copied', $layer, @options) or diag $err;
		is((run_command([ 'cmp', $layer, 'out' ]))[0], 0, 'content');
		my $done = done_event($out);
		unlink 'out';
		return $done;
	};
	my $done = $copy->('scattered.raw', qw(--io direct));
	skip 'no direct I/O here', 9 unless $done->{method} eq 'threads-direct';
	skip 'a file system without a device', 9 unless (stat '.')[0] >> 8;
	$done = $copy->('scattered.raw');
	is("$done->{method}: $done->{reason}", 'threads-buffered: --no-reflink was given; scattered pieces fill holes faster through the page cache', 'scattered pieces');
	is($copy->($_->[0], @{ $_->[1] })->{method}, 'threads-direct', "directly: $_->[2]")
	  for [ 'scattered.raw', ['--preallocate'], 'where there are no holes' ], [ 'runs.raw', [], 'long runs' ], [ 'few.raw', [], 'a few pieces' ];
	unlink 'scattered.raw', 'runs.raw', 'few.raw';
	chdir '/';
}

SKIP:
{
	skip 'an XFS loop file needs root', 1 unless $> == 0 && have_command('mkfs.xfs') && have_command('losetup');
	spew("$space/xfs.img", '');
	truncate "$space/xfs.img", 2 << 30;
	mkdir "$space/xfs";
	command_ok(qw(mkfs.xfs -q -f -m reflink=1), "$space/xfs.img");
	skip 'loop mounts are not permitted here', 1
	  if (run_command([ qw(mount -o loop), "$space/xfs.img", "$space/xfs" ]))[0] != 0;
	generated('XFS', "$space/xfs", int $chains);

	chdir "$space/xfs" or die;
	command_ok(qw(qemu-img create -q -f qcow2 base.qcow2 256M));
	command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 1 0 128M', 'base.qcow2');
	command_ok(qw(qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2));
	command_ok(qw(qemu-io -f qcow2), (map { ('-c', "write -q -P 2 ${_}M 64k") } map { $_ * 3 } 0 .. 40), 'top.qcow2');
	command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2), "$space/oracle");
	my @layers = qw(--layer qcow2:base.qcow2 --layer qcow2:top.qcow2);
	my $used = sub {
		command_ok('sync');
		my ($bytes) = command_ok(qw(df -B1 --output=used .)) =~ /(\d+)\s*$/;
		return $bytes;
	};
	for my $format (qw(raw qcow2))
	{
		my $before = $used->();
		my ($code, $out, $err) = run_command([ $copier, 'copy', @layers, '--output', "$format:out", '--progress', 'json' ]);
		is($code, 0, "reflink to $format") or diag $err;
		my $done = done_event($out);
		is($done->{method}, 'reflink', 'by reflink');
		cmp_ok($used->() - $before, '<', 4 << 20, 'takes next to no space');
		is((run_command([ qw(qemu-img compare -f raw -F), $format, "$space/oracle", 'out' ]))[0], 0, 'content');

		# a shared block is copied on write: the layers stay what they are
		my $hash = sha256('base.qcow2');
		command_ok(qw(qemu-io -f), $format, '-c', 'write -q -P 77 0 8M', 'out');
		is(sha256('base.qcow2'), $hash, 'writing to the copy leaves the layer alone');
		unlink 'out';
		for my $option (qw(--no-reflink --preallocate))
		{
			next if $format eq 'qcow2' && $option eq '--preallocate';
			($code, $out, $err) = run_command([ $copier, 'copy', @layers, '--output', "$format:out", $option, '--progress', 'json' ]);
			is($code, 0, "$format $option") or diag $err;
			$done = done_event($out);
			unlike($done->{method}, qr/reflink/, 'not by reflink');
			like($done->{reason}, qr/\w/, 'says why');
			my $shared = command_ok('filefrag', '-v', 'out') =~ /shared/ if have_command('filefrag');
			ok(!$shared, 'no shared block') if defined $shared;
			unlink 'out';
		}
	}
	my ($code, $out) = run_command([ $copier, 'copy', @layers, '--output', "raw:$space/across", '--progress', 'json' ]);
	is($code, 0, 'to another file system');
	unlike(done_event($out)->{method}, qr/reflink/, 'not by reflink');
	chdir '/';
}

# Btrfs shares no blocks between a file with checksums and one without (chattr +C): the reason says so.
SKIP:
{
	skip 'a Btrfs loop file needs root', 1
	  unless $> == 0 && have_command('mkfs.btrfs') && have_command('chattr') && have_command('losetup');
	spew("$space/btrfs.img", '');
	truncate "$space/btrfs.img", 512 << 20;
	mkdir "$space/btrfs";
	command_ok(qw(mkfs.btrfs -q -f), "$space/btrfs.img");
	skip 'Btrfs cannot be mounted here', 1
	  if (run_command([ qw(mount -o loop), "$space/btrfs.img", "$space/btrfs" ]))[0] != 0;
	mkdir "$space/btrfs/$_" or die for qw(plain nocow);
	command_ok(qw(chattr +C), "$space/btrfs/nocow");
	for my $from (qw(plain nocow))
	{
		my $layer = "$space/btrfs/$from/layer.raw";
		spew($layer, join '', map { chr($_) x (1 << 20) } 1 .. 8);
		for my $to (qw(plain nocow))
		{
			my $copy = "$space/btrfs/$to/copy.raw";
			my ($code, $out, $err) =
			  run_command([ $copier, 'copy', '--layer', "raw:$layer", '--output', "raw:$copy", qw(--progress json) ]);
			is($code, 0, "Btrfs, $from to $to") or diag $err;
			my $done = done_event($out);
			if ($from eq $to) { is($done->{method}, 'reflink', 'by reflink') }
			else { like("$done->{method}: $done->{reason}", qr/^threads.*: only one .* copy-on-write/, 'not by reflink, and the reason says why') }
			is((run_command([ 'cmp', $layer, $copy ]))[0], 0, 'content');
			unlink $copy;
		}
	}
}
done_testing();
