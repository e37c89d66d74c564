#!/usr/bin/perl
# halves.t: disks large enough that two threads resolve the chain, each for half of the addresses: the
# same results as one thread's, also with more extents than are remembered and with claims that are too
# large only in sum.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $seed  = $ENV{SEED} // time % 1_000_000;
my $space = workspace();
chdir $space or die;
note("SEED=$seed");
srand($seed);

my $make = "$top/build/test-copy/make_chain";
for my $i (1 .. ($ENV{CHAINS} // 300) / 20)
{
	my $dir = "$space/$i";
	mkdir $dir;
	my $bits = 9 + int rand 8;
	# a window is 65536 granules, which are at least sectors and at most clusters
	my $size = ((1 << $bits) * (65536 + int rand 300_000)) & ~511;
	$size = 512 << 20 if $size > 512 << 20;
	my @keys = ("size=$size", "cluster_bits=$bits", 'layers=' . (1 + int rand 5), 'density=' . (1 + int rand 6), 'loose=0', 'truncate=0', chain_keys());
	my ($code, $list, $err) = run_command([ $make, $seed * 1000 + $i, $dir, @keys ]);
	is($code, 0, "make_chain @keys") or diag $err;
	my @layers = map { [ split / / ] } split /\n/, $list;
	my @chain  = map { ('--layer', "$_->[0]:$dir/$_->[1]") } @layers;
	command_ok(qw(qemu-img convert -f), $layers[-1][0], qw(-O raw), "$dir/$layers[-1][1]", "$dir/oracle");
	for my $format (qw(raw qcow2))
	{
		($code, my $out, $err) = run_command([ $copier, 'copy', @chain, '--output', "$format:$dir/out", qw(--progress json) ]);
		is($code, 0, "to $format") or diag $err;
		is((run_command([ qw(qemu-img compare -f raw -F), $format, "$dir/oracle", "$dir/out" ]))[0], 0, 'content');
		# measure goes through the chain with one thread
		my $measured = json_of((run_command([ $copier, 'measure', @chain, '--format', $format ]))[1]);
		is(-s "$dir/out", $measured->{required}, 'length as measured');
		my ($plan) = grep { ($_->{event} // '') eq 'plan' } events_of($out);
		is($plan->{bytes_total}, $measured->{allocated_bytes}, 'bytes as measured') if $plan;
		unlink "$dir/out";
	}
	run_command([ 'rm', '-r', $dir ]);
}

# An image of 512-byte clusters that says of every second one up to "$data" that it lies somewhere in the
# file, which is sparse; returns how many it names.
sub write_image
{
	my ($file, $clusters, $data, $length) = @_;
	my $tables = int(($clusters + 63) / 64);
	my $l1     = 1024;
	my $l2     = $l1 + int(($tables * 8 + 511) / 512) * 512;
	my $first  = $l2 + $tables * 512;
	my @host   = map { $_ % 2 || $_ >= $data ? 0 : 1 << 63 | $first + $_ * 512 } 0 .. $tables * 64 - 1;
	open my $out, '>', $file or die;
	print $out pack('a4 N Q> N N Q> N N Q> Q> N N Q> Q> Q> Q> N N', "QFI\xfb", 3, 0, 0, 9, $clusters * 512, 0, $tables, $l1, 512, 1, 0, 0, 0, 0, 0, 4, 104);
	seek $out, $l1, 0;
	print $out pack('Q>*', map { 1 << 63 | $l2 + $_ * 512 } 0 .. $tables - 1);
	print $out pack('Q>*', @host);
	for (my $i = 0; $i < $data; $i += 2000)
	{
		seek $out, $first + $i * 512, 0;
		print $out chr(1 + $i / 2000 % 255) x 512;
	}
	close $out or die;
	truncate $file, $length // $first + $data * 512;
	return int(($data + 1) / 2);
}

# more extents than the half million that are remembered: in both halves, mostly in the lower, in the upper
for my $case ([ 1_100_000, 1_100_000 ], [ 1_900_000, 1_100_000 ], [ 700_000, 700_000 ])
{
	my ($clusters, $data) = @$case;
	my $count = write_image('many.qcow2', $clusters, $data);
	command_ok(qw(qemu-img convert -f qcow2 -O raw many.qcow2 oracle));
	for my $format (qw(raw qcow2))
	{
		my ($code, undef, $err) = run_command([ $copier, qw(copy --layer qcow2:many.qcow2 --output), "$format:out" ]);
		is($code, 0, "$count extents to $format") or diag $err;
		is((run_command([ qw(qemu-img compare -f raw -F), $format, qw(oracle out) ]))[0], 0, 'content');
		unlink 'out';
	}
	unlink 'oracle';
}

# each half claims less than the file holds, both claim more
{
	write_image('much.qcow2', 400_000, 400_000, 120 << 20);
	open my $io, '+<', 'much.qcow2' or die;
	my $tables = 400_000 / 64;
	my $l2 = 1024 + int(($tables * 8 + 511) / 512) * 512;
	seek $io, $l2, 0;
	print $io pack('Q>*', map { 1 << 63 | ($_ * 512 % (100 << 20)) + (10 << 20) } 0 .. 399_999);
	close $io;
	my ($code, undef, $err) = run_command([ $copier, qw(copy --layer qcow2:much.qcow2 --output raw:out) ]);
	is($code, 3, 'claims that are too large in sum are refused');
	like($err, qr/layer 0.*tables refer to more data than the file of \d+ bytes holds/, 'and it is said which layer');
	ok(!-e 'out', 'and nothing is left');
}
chdir '/';
done_testing();
