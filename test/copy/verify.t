#!/usr/bin/perl
# verify.t: reading a result back: past the page cache where the file system has direct I/O, with two
# threads, and what is said about the first difference.
use strict;
use warnings;
use Fcntl qw(O_DIRECT O_ACCMODE O_RDONLY);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $memory = workspace();
my $disk   = workspace('/tmp');

sub make_chain
{
	my ($dir) = @_;
	command_ok(qw(qemu-img create -q -f raw), "$dir/base.raw", '24M');
	command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 16M', "$dir/base.raw");
	command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw), "$dir/top.qcow2");
	command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 2 5M 3M', '-c', 'write -q -z 9M 1M', '-c', 'write -q -P 3 20M 4k', "$dir/top.qcow2");
	return ('--layer', "raw:$dir/base.raw", '--layer', "qcow2:$dir/top.qcow2");
}

# The flags of the descriptors of a process that are open for reading this file.
sub read_flags
{
	my ($pid, $path) = @_;
	my ($device, $inode) = stat $path;
	my @flags;
	for my $fd (glob "/proc/$pid/fd/*")
	{
		my ($same, $number) = stat $fd;
		next unless defined $same && $same == $device && $number == $inode;
		my ($flags) = slurp($fd =~ s{/fd/}{/fdinfo/}r) =~ /^flags:\s+(\d+)/m;
		push @flags, oct $flags if (oct($flags) & O_ACCMODE) == O_RDONLY;
	}
	return @flags;
}

# Bytes of the file that are in the page cache.
sub cached { my ($path) = @_; my ($bytes) = command_ok(qw(fincore -b -n -o RES), $path) =~ /(\d+)/; return $bytes }

sub test_place
{
	my ($what, $dir, $direct) = @_;
	my @layers = make_chain($dir);
	for my $format (qw(raw qcow2))
	{
		# copy --verify: while it reads back
		my $run = start_copier('copy', @layers, '--output', "$format:$dir/out", qw(--no-reflink --verify --limit 8M --progress json));
		ok($run->wait_for(sub { ($_->{event} // '') eq 'phase' && $_->{phase} eq 'verify' }), "$what, $format: copied, now reading back");
		my @flags = read_flags($run->{pid}, "$dir/out");
		is(scalar(grep { $_ & O_DIRECT } @flags), $direct ? 1 : 0, $direct ? "$what, $format: by direct I/O" : "$what, $format: without direct I/O, which isn't there");
		is(scalar(grep { !($_ & O_DIRECT) } @flags), 1, 'with a buffered one for unaligned ends');
		my ($code, $err) = $run->finish(30);
		is($code, 0, "$what, $format: equal") or diag $err;
		# what was read by direct I/O is not in memory; the qcow2's tables are
		cmp_ok(cached("$dir/out"), '<', 2 << 20, "$what, $format: nothing came into the page cache") if $direct && have_command('fincore');

		# verify by itself; cached pages are not what is looked at
		slurp("$dir/out");
		$run = start_copier('verify', @layers, '--output', "$format:$dir/out", '--progress', 'json');
		($code, $err) = $run->finish(30);
		is($code, 0, "$what, $format: verify") or diag $err;

		# --io buffered stays buffered
		$run = start_copier('copy', @layers, '--output', "$format:$dir/out2", qw(--no-reflink --verify --limit 12M --progress json --io buffered));
		$run->wait_for(sub { ($_->{event} // '') eq 'phase' && $_->{phase} eq 'verify' });
		@flags = read_flags($run->{pid}, "$dir/out2");
		is(scalar(grep { $_ & O_DIRECT } @flags), 0, "$what, $format: --io buffered: no direct I/O");
		is(($run->finish(30))[0], 0, 'equal');
		unlink "$dir/out", "$dir/out2";
	}

	# the first difference, wherever it is: in the middle and at the ends of what is read in one go
	command_ok(qw(qemu-img convert -f qcow2 -O raw), "$dir/top.qcow2", "$dir/out");
	for my $case ([ 0, 0 ], [ 65535, 0 ], [ 65536, 0 ], [ (1 << 20) - 1, 0 ], [ 5 << 20, 1 ], [ (8 << 20) - 1, 1 ], [ 8 << 20, 0 ], [ 9 << 20, 1 ], [ (20 << 20) + 4095, 1 ], [ (20 << 20) + 4096, 1 ], [ (20 << 20) + 65536, undef ], [ (24 << 20) - 1, undef ])
	{
		my ($at, $layer) = @$case;
		open my $handle, '+<:raw', "$dir/out" or die;
		sysseek $handle, $at, 0;
		sysread $handle, my $byte, 1;
		my $poke = sub { sysseek $handle, $_[0], 0; syswrite $handle, $_[1] };
		$poke->($at, chr(ord($byte) ^ 1));
		for my $io (qw(auto buffered))
		{
			my ($code, $out) = run_command([ $copier, 'verify', @layers, '--output', "raw:$dir/out", '--io', $io, '--progress', 'json' ]);
			my $event = error_event($out);
			is($code, 1, "$what, $io: a difference at $at");
			like($event->{message}, qr/guest offset $at\b/, 'is found where it is') or diag $event->{message};
			is($event->{layer}, $layer, defined $layer ? "of layer $layer" : 'of no layer');
		}
		$poke->($at, $byte);
		close $handle;
	}
	unlink "$dir/out";
	return;
}

test_place('in memory', $memory, 0);
SKIP:
{
	skip 'loop files with file systems need root', 1 if $> != 0 || !have_command('losetup');
	for my $system ([ 'ext4', qw(mkfs.ext4 -q -F) ], [ 'XFS', qw(mkfs.xfs -q -f) ])
	{
		my ($name, @make) = @$system;
		next unless have_command($make[0]);
		my $file = "$disk/$name.img";
		spew($file, '');
		truncate $file, 400 << 20;
		mkdir "$disk/$name";
		command_ok(@make, $file);
		skip 'loop mounts are not permitted here', 1 if (run_command([ qw(mount -o loop), $file, "$disk/$name" ]))[0] != 0;
		test_place($name, "$disk/$name", 1);
		run_command([ qw(umount -l), "$disk/$name" ]);
	}
}

# numbers for programs: what has been read back, and how long it will take
{
	my $dir    = workspace();
	my @layers = make_chain($dir);
	my $run    = start_copier('copy', @layers, '--output', "raw:$dir/out", qw(--no-reflink --verify --limit 10M --progress json));
	is(($run->finish(30))[0], 0, 'copy --verify');
	my @events  = grep { ($_->{event} // '') eq 'progress' } @{ $run->{events} };
	my @reading = grep { $_->{phase} eq 'verify' } @events;
	cmp_ok(scalar @reading, '>=', 2, 'progress while reading back');
	is(scalar(grep { $_->{to_verify} != 24 << 20 } @reading), 0, 'the whole disk is to be compared');
	is(scalar(grep { $reading[$_]{verified} <= $reading[ $_ - 1 ]{verified} } 1 .. $#reading), 0, 'what has been compared grows');
	cmp_ok($reading[0]{verified}, '<', 16 << 20, 'from the beginning');
	is(scalar(grep { $_->{bytes_done} != $_->{bytes_total} } @reading), 0, 'what was copied stays copied');
	is(scalar(grep { $_->{rate} < 5 << 20 || $_->{rate} > 20 << 20 } @reading), 0, 'the rate is that of reading back') or diag join ' ', map { $_->{rate} } @reading;
	is(scalar(grep { !defined $_->{eta} || abs($_->{eta} - ($_->{to_verify} - $_->{verified}) / $_->{rate}) > 0.1 } @reading), 0, 'and so is the time left');
	is(scalar(grep { $_->{phase} ne 'verify' && exists $_->{verified} } @events), 0, 'before that nothing is said of it');

	my ($code, $out) = run_command([ $copier, 'verify', @layers, '--output', "raw:$dir/out", '--progress', 'json' ]);
	is($code, 0, 'verify');
	my $done = done_event($out);
	is($done->{bytes_done}, 24 << 20, 'ends with an event that says how much is equal');
	cmp_ok($done->{elapsed}, '>', 0, 'and in how long');
}

# a result that is no image: it is the output that is refused, not a layer
{
	my $dir    = workspace();
	my @layers = make_chain($dir);
	spew("$dir/garbage", 'x' x 65536);
	mkdir "$dir/folder";
	command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw), "$dir/thin");
	for my $case (
		[ 'not qcow2',      'qcow2:garbage', qr/^output "\S+garbage" offset 0: file is not a qcow2 image$/ ],
		[ 'a folder',       'raw:folder',    qr/^output "\S+folder": image is neither a regular file nor a block device$/ ],
		[ 'a thin image',   'qcow2:thin',    qr/^output "\S+thin" offset 8: a result must not have a backing file but names "base\.raw"$/ ])
	{
		my ($what, $output, $pattern) = @$case;
		my ($code, $out, $err) = run_command([ $copier, 'verify', @layers, '--output', $output =~ s{:}{:$dir/}r, '--progress', 'json' ]);
		is($code, 3, "$what as output: refused");
		like($err =~ s/^vmclone-copy: //r, $pattern, 'by its name');
		my $event = error_event($out);
		is($event->{layer}, undef, 'as no layer');
		like($event->{path}, qr{^\Q$dir\E/}, 'with its path');
	}
}

# a chain and a result that are both compressed and cut into small pieces
{
	my ($dir) = workspace();
	spew("$dir/text", join '', map { "$_ " . $_ * 7919 % 10007 . "\n" } 1 .. 600_000);
	truncate "$dir/text", 6 << 20;
	command_ok(qw(qemu-img convert -q -c -f raw -O qcow2), "$dir/text", "$dir/packed.qcow2");
	command_ok(qw(qemu-img convert -q -c -f raw -O qcow2 -o), 'cluster_size=4k', "$dir/text", "$dir/other.qcow2");
	my ($code, undef, $err) = run_command([ $copier, 'verify', '--layer', "qcow2:$dir/packed.qcow2", '--output', "qcow2:$dir/other.qcow2" ]);
	is($code, 0, 'compressed against compressed') or diag $err;
}
done_testing();
