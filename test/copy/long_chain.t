#!/usr/bin/perl
# Chains as long as the checks let through (1024 images): copied, within the memory and whatever descriptors there are.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

use constant { CLUSTER => 65536, CLUSTERS => 1024 };    # of a guest of 64 MiB

my $space = workspace();
chdir $space or die;
my $seed = $ENV{SEED} // 1 + int rand 1_000_000;
diag("SEED=$seed");
srand $seed;

# An image whose two clusters of data lie anywhere; returns where: the number of each.
sub make_image
{
	my ($name, $number, $backing) = @_;
	my @at = sort { $a <=> $b } keys %{ { map { int(rand CLUSTERS) => 1 } 1 .. 2 } };
	my $header = pack 'a4 N Q> N N Q> N N Q> Q> N N Q> Q> Q> Q> N N', "QFI\xfb", 3, $backing eq '' ? 0 : 512, length $backing, 16,
	  CLUSTER * CLUSTERS, 0, 1, 3 * CLUSTER, CLUSTER, 1, 0, 0, 0, 0, 0, 4, 104;
	my $refcounts = pack 'n*', (1) x (5 + @at);
	my $table     = '';
	foreach my $i (0 .. $#at) { substr($table, length $table) = pack('x' . (8 * $at[$i] - length $table)) . pack 'Q>', 1 << 63 | (5 + $i) * CLUSTER }
	spew($name, join '', map { pack 'a' . CLUSTER, $_ } pack('a512', $header) . $backing, pack('Q>', 2 * CLUSTER), $refcounts,
		pack('Q>', 1 << 63 | 4 * CLUSTER), $table, map { sprintf('%08d%08d', $number, $_) x (CLUSTER / 16) } @at);
	return @at;
}

my (%owner, @layers);
foreach my $i (0 .. 1023)
{
	$owner{$_} = $i foreach make_image("layer$i", $i, $i == 0 ? '' : 'layer' . ($i - 1));
	push @layers, '--layer', "qcow2:layer$i";
	next if $i != 299;
	# qemu-img needs minutes to open a chain of 1024
	is((run_command([ $copier, 'copy', @layers, '--output', 'raw:out300' ]))[0], 0, 'a chain of 300 images');
	command_ok(qw(qemu-img convert -f qcow2 -O raw), "layer$i", 'oracle');
	is(sha256('out300'), sha256('oracle'), 'is what qemu-img makes of it');
	unlink 'out300', 'oracle';
}
spew('expected', join '', map { defined $owner{$_} ? sprintf('%08d%08d', $owner{$_}, $_) x (CLUSTER / 16) : "\0" x CLUSTER } 0 .. CLUSTERS - 1);

foreach my $format ('raw', 'qcow2')
{
	my ($exit, undef, $err) = run_command([ "$top/build/test-copy/peak_memory", 'peak', $copier, 'copy', @layers, '--output', "$format:out" ]);
	is($exit, 0, "1024 images to $format") or diag($err);
	cmp_ok(slurp('peak'), '<=', 65536, 'within 64 MiB') unless $copier =~ /sanitize/;
	is((run_command([ qw(qemu-img compare -f raw -F), $format, 'expected', 'out' ]))[0], 0, 'every byte is of the last image that has it');
	unlink 'out';
}

# direct I/O takes what descriptors are left, and the soft limit is no limit
my $disk = workspace('/tmp');
foreach my $limits ('-Sn 256', '-n 1100')
{
	my ($exit, undef, $err) = run_command([ 'bash', '-c', 'ulimit $1; shift; exec "$@"', 'bash', $limits, $copier, 'copy', @layers, '--output', "raw:$disk/out" ]);
	is($exit, 0, "ulimit $limits") or diag($err);
	is(sha256("$disk/out"), sha256('expected'), 'the same');
	unlink "$disk/out";
}
my ($exit, undef, $err) = run_command([ 'bash', '-c', 'ulimit -n 600; exec "$@"', 'bash', $copier, 'copy', @layers, '--output', 'raw:out' ]);
is($exit, 1, 'too few descriptors');
like($err, qr/layer \d+ "layer\d+": could not open layer: Too many open files/, 'are said');
ok(!-e 'out', 'and nothing is left');

make_image('layer1024', 1024, 'layer1023');
($exit, undef, $err) = run_command([ $copier, 'copy', @layers, '--layer', 'qcow2:layer1024', '--output', 'raw:out' ]);
is($exit, 2, 'one more');
like($err, qr/at most 1024 layers/, 'is refused');
done_testing();
