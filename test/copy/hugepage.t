#!/usr/bin/perl
# hugepage.t: results on tmpfs, which are written as huge pages where all of 2 MiB is data.  Contents,
# holes, a full file system, and a file that someone else cuts while it is mapped.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(sleep);

my $mib = 1 << 20;
my $space = workspace();
chdir $space or die;
plan skip_all => "$space is no tmpfs" unless (run_command([ qw(stat -f -c %T .) ]))[1] =~ /tmpfs/;

my $random = do
{
	open my $in, '<', '/dev/urandom' or die;
	my $bytes = '';
	sysread($in, $bytes, $mib, length $bytes) or die while length $bytes < $mib;
	substr $bytes, 0, $mib;
};

# Data in [$from, $to); without zero blocks, and no two MiB of it alike.
sub write_data
{
	my ($file, $from, $to) = @_;
	open my $out, '+<', $file or die "$file: $!";
	for (my $at = $from; $at < $to; $at += $mib)
	{
		my $length = $to - $at < $mib ? $to - $at : $mib;
		sysseek $out, $at, 0;
		syswrite $out, pack('Q<', $at) . substr($random, 8, $length - 8) or die "$file: $!";
	}
	return;
}

sub blocks { return (stat shift)[12] }

# a base with data, holes, zero blocks that are data, ends in the midst of a huge page; overlays in it
{
	spew('base.raw', '');
	truncate 'base.raw', 41 * $mib + 4096 * 3;
	write_data('base.raw', 0, 17 * $mib);
	write_data('base.raw', 20 * $mib + 65536, 37 * $mib);
	write_data('base.raw', 38 * $mib, 41 * $mib + 4096 * 3);
	command_ok(qw(qemu-io -f raw -c), 'write -q -z 7M 4k', '-c', 'write -q -P 0 9M 64k', '-c', 'write -q -P 0 36M 4k', 'base.raw');
	command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2));
	command_ok(qw(qemu-io -f qcow2), (map { ('-c', "write -q -P $_ " . ($_ * 3 * $mib + 65536 * $_) . ' 64k') } 1 .. 12), 'top.qcow2');
	command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 oracle));
	my @layers = qw(--layer raw:base.raw --layer qcow2:top.qcow2);
	for my $format (qw(raw qcow2))
	{
		for my $options ([], ['--keep-zeroes'], [ '--threads', 1 ], ['--verify'])
		{
			my ($code, $out, $err) = run_command([ $copier, 'copy', @layers, '--output', "$format:out", @$options ]);
			is($code, 0, "to $format @$options") or diag $err;
			is((run_command([ qw(qemu-img compare -f raw -F), $format, 'oracle', 'out' ]))[0], 0, 'content');
			cmp_ok(blocks('out'), '<=', blocks('oracle') + 8 * 128, 'no more blocks than qemu-img allocates')
			  unless "@$options" eq '--keep-zeroes';
			unlink 'out';
		}
	}
}

# a file that someone else cuts again and again: whatever the outcome, no signal ends the copier
{
	spew('large.raw', '');
	truncate 'large.raw', 192 * $mib;
	write_data('large.raw', 0, 192 * $mib);
	my $cuts = 0;
	for my $round (1 .. 3)
	{
		my $pid = fork() // die;
		if ($pid == 0)
		{
			open STDIN,  '<', '/dev/null';
			open STDERR, '>', '/dev/null';
			exec $copier, 'copy', qw(--layer raw:large.raw --output raw:cut);
			exit 99;
		}
		while (waitpid($pid, 1) == 0)
		{
			$cuts++ if -s 'cut' && truncate 'cut', 0;
			sleep 0.0005;
		}
		is($? & 127, 0, 'no signal ended it');
		cmp_ok($? >> 8, '<=', 1, 'it ended in an orderly way');
		unlink 'cut';
	}
	cmp_ok($cuts, '>', 3, "cut $cuts times");
}

SKIP:
{
	skip 'a small tmpfs needs root', 4 unless $> == 0;
	mkdir 'small';
	skip 'mounts are not permitted here', 4 if (run_command([ qw(mount -t tmpfs -o size=63m tmpfs small) ]))[0] != 0;
	my ($code, undef, $err) = run_command([ $copier, 'copy', qw(--layer raw:large.raw --output raw:small/out) ]);
	is($code, 1, 'a file system that gets full');
	like($err, qr/No space left on device/, 'is what it says');
	ok(!-e 'small/out', 'and nothing is left');
	# what is written before goes on as huge pages or not, and must be the same
	truncate 'large.raw', 48 * $mib;
	($code, undef, $err) = run_command([ $copier, 'copy', qw(--layer raw:large.raw --output raw:small/out) ]);
	is($code, 0, 'what fits is copied') or diag $err;
	is((run_command([qw(cmp large.raw small/out)]))[0], 0, 'content');
}
chdir '/';
done_testing();
