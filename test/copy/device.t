#!/usr/bin/perl
# device.t: block devices as outputs and as layers, through loop devices with 512 and 4096 byte sectors.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'loop devices need root'    if $> != 0;
plan skip_all => 'losetup is not installed' unless have_command('losetup');

my $space = workspace('/tmp');
chdir $space or die;

# A loop device full of garbage.
sub device
{
	my ($sector, $size, $name) = @_;
	open my $handle, '>:raw', $name or die;
	print $handle "\xaa" x 65536 for 1 .. $size / 65536;
	close $handle;
	my ($code, $loop, $err) = run_command([ 'losetup', '--show', '-b', $sector, '-f', $name ]);
	if ($code != 0) { diag $err; return }
	chomp $loop;
	return $loop;
}

sub release
{
	my ($loop) = @_;
	command_ok('losetup', '-d', $loop);
	return;
}
plan skip_all => 'loop devices are not permitted here' unless my $try = device(512, 65536, 'try');
release($try);

my $bytes = 12 << 20;
command_ok(qw(qemu-img create -q -f raw base.raw), $bytes);
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 4M', '-c', 'write -q -P 2 8M 1M', 'base.raw');
command_ok(qw(qemu-img create -q -f qcow2 -o cluster_size=4k -b base.raw -F raw top.qcow2));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 3 1M 1028k', '-c', 'write -q -P 4 6M 4k', '-c', 'write -q -z 3M 100k', 'top.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 oracle));
my @layers = qw(--layer raw:base.raw --layer qcow2:top.qcow2);

for my $sector (512, 4096)
{
	my $size = 20 << 20;
	my $loop = device($sector, $size, "device$sector");
	command_ok('cp', 'oracle', 'expected');
	truncate 'expected', $size;
	for my $options ([], [ '--io', 'direct' ], [ '--io', 'buffered' ], ['--preallocate'], [ '--threads', 1, '--verify' ])
	{
		command_ok('sh', '-c', "tr '\\0' '\\252' < /dev/zero | head -c $size > $loop");
		my ($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', "raw:$loop", @$options ]);
		is($code, 0, "raw to a device of $sector byte sectors @$options") or diag $err;
		is(sha256($loop), sha256('expected'), 'every byte up to the end of the device');
	}
	for my $cluster (512, 4096, 65536, 2097152)
	{
		command_ok('sh', '-c', "tr '\\0' '\\252' < /dev/zero | head -c $size > $loop");
		my ($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', "qcow2:$loop", '--cluster-size', $cluster ]);
		is($code, 0, "qcow2, clusters of $cluster, to a device of $sector byte sectors") or diag $err;
		is((run_command([ qw(qemu-img compare -f raw -F qcow2 oracle), $loop ]))[0], 0, 'same content');
		is((run_command([ qw(qemu-img check -q -f qcow2), $loop ]))[0], 0, 'clean');
	}

	# logical volumes and /dev/disk are symbolic links
	symlink $loop, 'link-to-device' or die;
	for my $options ([], [ '--resume', 'link-record' ])
	{
		my ($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', 'raw:link-to-device', @$options, '--verify' ]);
		is($code, 0, "to a link to a device @$options") or diag $err;
		ok(!-e 'link-record', 'no record left');
	}
	is((run_command([ $copier, 'copy', @layers, '--output', 'raw:link-to-device', '--root', $space ]))[0], 1, 'not with --root');
	ok(-l 'link-to-device', 'the link stays');
	unlink 'link-to-device';

	# a raw result has the size of its device, a qcow2 one its own
	{
		my @larger = ('copy', @layers, '--size', $bytes + 65536, '--output');
		my ($code, undef, $err) = run_command([ $copier, @larger, "raw:$loop" ]);
		is($code, 0, 'a larger raw result') or diag $err;
		is((run_command([ $copier, 'verify', @layers, '--output', "raw:$loop" ]))[0], 0, 'is equal: what follows is zero');
		($code, undef, $err) = run_command([ $copier, @larger, "qcow2:$loop" ]);
		is($code, 0, 'a larger qcow2 result') or diag $err;
		($code, undef, $err) = run_command([ $copier, 'verify', @layers, '--output', "qcow2:$loop" ]);
		is($code, 1, 'differs, as one in a file does');
		like($err, qr/virtual size/, 'and verify says how');
	}

	# killed, begun again
	my $bad = 0;
	for my $format (qw(raw qcow2))
	{
		for my $round (1 .. 6)
		{
			my @command = ('copy', @layers, '--output', "$format:$loop", '--resume', 'resume', '--limit', '100M');
			for (1 .. 2)
			{
				my $victim = start_copier(@command);
				select undef, undef, undef, rand 0.2;
				$victim->murder;
			}
			my ($code, undef, $err) = run_command([ $copier, @command ]);
			if ($code != 0 || (run_command([ qw(qemu-img compare -f raw -F), $format, $format eq 'raw' ? 'expected' : 'oracle', $loop ]))[0] != 0)
			{
				diag "$format, round $round: exit $code $err";
				$bad++;
			}
			unlink 'resume';
		}
	}
	is($bad, 0, "killed on a device of $sector byte sectors: exact");

	# a half copy is no qcow2: the header comes last
	command_ok('sh', '-c', "tr '\\0' '\\252' < /dev/zero | head -c $size > $loop");
	my $run = start_copier('copy', @layers, '--output', "qcow2:$loop", '--limit', '4M', '--progress', 'json');
	$run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{phase} eq 'data' && $_->{bytes_done} > 0 });
	kill 'KILL', $run->{pid};
	$run->finish;
	open my $handle, '<:raw', $loop;
	sysread $handle, my $magic, 4;
	isnt($magic, "QFI\xfb", 'a half copy is not taken for a qcow2 image');
	close $handle;

	# what must not be opened
	my ($code, undef, $err) = run_command([ $copier, 'copy', '--layer', "raw:$loop", '--output', "raw:$loop" ]);
	isnt($code, 0, 'a device that is a layer is no output');
	is((run_command([ qw(mkfs.ext4 -q -F), $loop ]))[0], 0, 'a file system on it');
	mkdir 'mounted';
	if ((run_command([ 'mount', $loop, 'mounted' ]))[0] == 0)
	{
		($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', "raw:$loop" ]);
		isnt($code, 0, 'a mounted device is no output');
		run_command([ 'umount', 'mounted' ]);
		is((run_command([ qw(fsck.ext4 -n -f), $loop ]))[0], 0, 'and is whole');
	}
	# what is made zero counts against the limit, too: 20 MiB behind 1 MiB of data, a quarter of a second at once
	command_ok('sh', '-c', "tr '\\0' '\\252' < /dev/zero | head -c $size > $loop");
	command_ok(qw(qemu-img create -q -f raw little.raw 1M));
	command_ok(qw(qemu-io -f raw -c), 'write -q -P 5 0 1M', 'little.raw');
	my $begin = time;
	($code, undef, $err) = run_command([ $copier, qw(copy --layer raw:little.raw --output), "raw:$loop", qw(--limit 8M) ]);
	my $took = time - $begin;
	is($code, 0, "under a limit, to a device of $sector byte sectors") or diag $err;
	cmp_ok($took, '>=', 1.5, sprintf('20 MiB at 8 MiB/s (%.1f s)', $took));

	release($loop);

	my $small = device($sector, 8 << 20, 'small');
	($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', "raw:$small" ]);
	isnt($code, 0, 'a device that is too small');
	like($err, qr/small|space|bytes/i, 'says so');
	open $handle, '<:raw', $small;
	sysread $handle, my $content, 65536;
	is($content, "\xaa" x 65536, 'nothing was written');
	close $handle;
	release($small);

	# layers on devices
	command_ok('cp', 'top.qcow2', 'image');
	truncate 'image', 16 << 20;
	command_ok('cp', 'base.raw', 'raw-image');
	my ($a, $b) = map { command_ok('losetup', '--show', '-b', $sector, '-f', $_) =~ s/\s+//r } qw(image raw-image);
	for my $io (qw(auto direct buffered))
	{
		($code, undef, $err) = run_command([ $copier, 'copy', '--io', $io, '--layer', "raw:$b", '--layer', "qcow2:$a", '--backing-name', 'base.raw', '--output', 'raw:out' ]);
		is($code, 0, "layers on devices of $sector byte sectors, $io") or diag $err;
		is(-e 'out' ? sha256('out') : '', sha256('oracle'), 'content');
		unlink 'out';
	}
	release($a);
	release($b);
}
chdir '/';
done_testing();
