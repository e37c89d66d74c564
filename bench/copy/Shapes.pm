# Builds the image chains that bench/copy/run measures: stated bytes, locality and seed.
package Shapes;

use strict;
use warnings;
use Exporter 'import';
use IPC::Open2;

our @EXPORT_OK = qw(command build_flat build_scattered build_compressed build_raw_base build_fragmented);

# Runs a command; dies with its name if it fails.
sub command
{
	my @argv = @_;
	system({ $argv[0] } @argv) == 0 or die "failed: @argv\n";
}

# A generator of our own, so that a seed gives the same images with every perl.
sub generator
{
	my ($state) = @_;
	return sub {
		my ($limit) = @_;
		use integer;
		# wraps at 64 bits; the upper half is the good one
		$state = $state * 6364136223846793005 + 1442695040888963407;
		return (($state >> 33) & 0x7fffffff) % $limit;
	};
}

# Sends commands to one qemu-io on one image.
sub qemu_io
{
	my ($file, $format, @lines) = @_;
	my $pid = open2(my $out, my $in, 'qemu-io', '-f', $format, '--cache=unsafe', $file) or die "qemu-io: $!\n";
	my $reader = fork() // die "fork: $!\n";
	if ($reader == 0)
	{
		close $in;
		while (<$out>) { die $_ if /error|failed/i }
		exit 0;
	}
	close $out;
	print $in "$_\n" for @lines;
	print $in "quit\n";
	close $in;
	waitpid($reader, 0);
	die "qemu-io failed on $file\n" if $?;
	waitpid($pid, 0);
	die "qemu-io failed on $file\n" if $?;
}

sub create
{
	my ($file, $size, $cluster, $backing, $backing_format) = @_;
	my @options = ("cluster_size=$cluster");
	my @backing = $backing ? ('-b', $backing, '-F', $backing_format) : ();
	command('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', join(',', @options), @backing, $file, $backing ? () : $size);
}

# One layer, data from beginning to end.
sub build_flat
{
	my ($dir, $size, $cluster) = @_;
	my $step = 64 << 20;
	create("$dir/0.qcow2", $size, $cluster);
	qemu_io("$dir/0.qcow2", 'qcow2',
		map { sprintf 'write -q -P %d %d %d', 1 + $_ % 255, $_ * $step, $step } 0 .. $size / $step - 1);
	return ("qcow2:$dir/0.qcow2");
}

# layers of writes of one size each, scattered over the whole disk; the first one may be a full base.
sub build_scattered
{
	my ($dir, %shape) = @_;
	my $random = generator($shape{seed});
	my @layers;
	for my $n (0 .. $shape{layers} - 1)
	{
		my $file = "$dir/$n.qcow2";
		my @lines;
		create($file, $shape{size}, $shape{cluster}, $n ? "$dir/" . ($n - 1) . '.qcow2' : undef, 'qcow2');
		if ($n == 0 && $shape{base})
		{
			my $step = 64 << 20;
			push @lines, map { sprintf 'write -q -P %d %d %d', 1 + $_ % 255, $_ * $step, $step } 0 .. $shape{base} / $step - 1;
		}
		else
		{
			my $slots = $shape{size} / $shape{bytes};
			push @lines, sprintf('write -q -P %d %d %d', 1 + $random->(255), $random->($slots) * $shape{bytes}, $shape{bytes})
			  for 1 .. $shape{writes};
		}
		qemu_io($file, 'qcow2', @lines);
		push @layers, "qcow2:$file";
	}
	return @layers;
}

# A file system of this machine's real files, compressed.
sub build_compressed
{
	my ($dir, $raw, $type) = @_;
	command('qemu-img', 'convert', '-q', '-c', '-W', '-m', '8', '-O', 'qcow2', '-o', "compression_type=$type", $raw, "$dir/$type.qcow2");
	return ("qcow2:$dir/$type.qcow2");
}

sub build_raw_base
{
	my ($dir, $size, $overlays, $writes, $bytes, $seed) = @_;
	my $random = generator($seed);
	my @layers = ("raw:$dir/base.raw");
	my $step = 64 << 20;
	command('truncate', '-s', $size, "$dir/base.raw");
	qemu_io("$dir/base.raw", 'raw', map { sprintf 'write -q -P %d %d %d', 1 + $_ % 255, $_ * $step, $step } 0 .. $size / $step - 1);
	for my $n (1 .. $overlays)
	{
		create("$dir/$n.qcow2", $size, 65536, $n == 1 ? "$dir/base.raw" : "$dir/" . ($n - 1) . '.qcow2', $n == 1 ? 'raw' : 'qcow2');
		qemu_io("$dir/$n.qcow2", 'qcow2',
			map { sprintf 'write -q -P %d %d %d', 1 + $random->(255), $random->($size / $bytes) * $bytes, $bytes } 1 .. $writes);
		push @layers, "qcow2:$dir/$n.qcow2";
	}
	return @layers;
}

# One layer whose clusters lie in random order: as many runs as writes.
sub build_fragmented
{
	my ($dir, $size, $cluster, $runs, $seed) = @_;
	my $random = generator($seed);
	my $slots = $size / $cluster;
	my @order = (0 .. $slots - 1);
	for my $i (reverse 1 .. $#order)
	{
		my $j = $random->($i + 1);
		@order[ $i, $j ] = @order[ $j, $i ];
	}
	create("$dir/0.qcow2", $size, $cluster);
	qemu_io("$dir/0.qcow2", 'qcow2',
		map { sprintf 'write -q -P %d %d %d', 1 + $_ % 255, $order[$_] * $cluster, $cluster } 0 .. $runs - 1);
	return ("qcow2:$dir/0.qcow2");
}

1;
