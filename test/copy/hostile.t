#!/usr/bin/perl
# hostile.t: images that guests could write.  First damage by hand, each kind once; then chains of
# make_chain damaged at random and compared with qemu-img: identical, or refused.
#
#	SEED=n, MUTANTS=n (default 400), MUTANT=n (only this one, its files are kept)
use strict;
use warnings;
use File::Compare qw(compare);
use File::Path qw(remove_tree);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Qcow2;
use Test::More;
no warnings 'portable';    # 64-bit hexadecimal constants

my $space     = workspace();
my $generator = $ENV{MAKE_CHAIN} // "$top/build/test-copy/make_chain";
my $seed      = $ENV{SEED}       // time % 1_000_000;
chdir $space or die;

sub create { my ($name, $size, @options) = @_; command_ok(qw(qemu-img create -q -f qcow2), @options, $name, $size) }
sub io { my ($name, @commands) = @_; command_ok('qemu-io', '-f', 'qcow2', (map { ('-c', $_) } @commands), $name) }

# A fresh image of 4 MiB with data in its first two clusters, in cluster 5 and from 2 MiB on.
sub fresh
{
	my (@options) = @_;
	unlink 'x.qcow2';
	create('x.qcow2', '4M', @options);
	io('x.qcow2', 'write -P 1 0 128k', 'write -P 2 320k 64k', 'write -P 3 2M 1M');
	return Qcow2->open('x.qcow2');
}

# What every verb does with x.qcow2: refuse it (or, where $allow says so, give what qemu-img gives).
sub refuse
{
	my ($what, %option) = @_;
	my @chain = $option{chain} ? @{ $option{chain} } : ('--layer', 'qcow2:x.qcow2');
	subtest $what => sub {
		for my $output (['raw'], [ 'qcow2', '--cluster-size', 4096 ])
		{
			my ($format, @options) = @$output;
			my ($code, $out, $err) = run_command([ $copier, 'copy', @chain, '--output', "$format:out", @options ], timeout => 30);
			if ($option{or_equal} && $code == 0)
			{
				my ($theirs, undef, $reason) = run_command([qw(qemu-img convert -f qcow2 -O raw x.qcow2 oracle)]);
				is($theirs, 0, 'qemu-img takes it too') or diag $reason;
				is((run_command([ qw(qemu-img compare -f raw -F), $format, qw(oracle out) ]))[0], 0, 'as qemu-img');
				unlink 'oracle';
			}
			else
			{
				is($code, 3, "copy to $format: refused") or diag "$out$err";
				like($err, qr/x\.qcow2|layer/, 'the message names the layer');
				unlike($err, qr/Sanitizer|runtime error/, 'no finding of a sanitizer');
				ok(!-e 'out', 'nothing left on disk');
			}
			unlink 'out';
		}
		for my $verb ([ 'measure', '--format', 'qcow2' ], ['map'])
		{
			my ($code, $out, $err) = run_command([ $copier, @$verb[0], @chain, @$verb[ 1 .. $#$verb ] ], timeout => 30);
			ok($code == 3 || $code == 0, "$verb->[0] ends: exit $code") or diag "$out$err";
			is($code, 3, "$verb->[0]: refused") if !$option{or_equal} && !$option{data_only};
		}
	};
	return;
}

# ---------- header ----------
for my $damage (
	[ version => 0 ], [ version => 4 ], [ version => 0xffffffff ], [ magic => 0x514649fa ],
	[ cluster_bits => 0 ], [ cluster_bits => 8 ], [ cluster_bits => 22 ], [ cluster_bits => 63 ], [ cluster_bits => 0xffffffff ],
	[ size => 0xffffffffffffffff ], [ size => 0x8000000000000000 ], [ size => 0x7fffffffffffffff ], [ size => 1 << 40 ],
	[ l1_size => 0 ], [ l1_size => 0xffffffff ], [ l1_size => (4 << 20) + 1 ],
	[ l1_offset => 1 ], [ l1_offset => 512 ], [ l1_offset => 0xffffffffffff0000 ], [ l1_offset => 0x7fffffffffff0000 ],
	[ crypt_method => 1 ], [ crypt_method => 2 ], [ crypt_method => 3 ],
	[ header_length => 0 ], [ header_length => 103 ], [ header_length => 0xffffffff ], [ header_length => 65537 ],
	[ refcount_order => 7 ], [ refcount_order => 0xffffffff ],
	[ incompatible => 4 ], [ incompatible => 8 ], [ incompatible => 32 ], [ incompatible => 1 << 63 ],
	[ compression_type => 1 ], [ compression_type => 255 ],
	[ backing_offset => 0xffffffffffffffff ], [ backing_offset => 65536 ])
{
	my ($field, $value) = @$damage;
	my $image = fresh();
	$image->set(backing_size => 8) if $field eq 'backing_offset';
	$image->set($field, $value);
	# no reader needs refcounts; a table past the end of the file reads as zeroes
	refuse(sprintf('%s = 0x%x', $field, $value), or_equal => $field eq 'refcount_order' || $value == 0x7fffffffffff0000);
}
{
	my $image = fresh();
	$image->set(backing_offset => 4096)->set(backing_size => 1024);
	refuse('backing name of 1024 bytes');
	$image->set(backing_size => 0xffffffff);
	refuse('backing name of 4 GiB');
	$image = fresh();
	$image->set(incompatible => 4)->set(autoclear => 2);
	refuse('external data file');
	$image = fresh();
	$image->write_at($image->get('header_length'), pack('NN', 0xe2792aca, 0xfffffff0));
	refuse('an extension longer than the cluster');
	$image->write_at($image->get('header_length'), pack('NN', 0, 0x40000000));
	refuse('an end of extensions longer than the cluster');
	$image = fresh();
	$image->write_at($image->get('header_length'), pack('NNa*', 0x44415441, 11, '/etc/passwd'));
	refuse('a data file name without its feature bit', or_equal => 1);
	$image = fresh('-o', 'compat=0.10,cluster_size=512');
	my $fill = pack('NN', 0x12345678, 0) x 54;
	$image->write_at(72, $fill);
	refuse('extensions without an end', or_equal => 1);
	for my $left (1, 7)
	{
		fresh('-o', 'cluster_size=512')->set(header_length => 512 - $left);
		refuse("$left bytes between header and cluster's end, where qemu-img looks for an extension");
		isnt((run_command([qw(qemu-img info -f qcow2 x.qcow2)]))[0], 0, 'as qemu-img refuses it');
	}
	for my $length (0, 3, 4, 8, 71, 103)
	{
		fresh();
		truncate 'x.qcow2', $length;
		refuse("a file of $length bytes");
	}
}

# ---------- tables ----------
{
	my $image = fresh();
	my $table = $image->l1(0) & 0x00fffffffffffe00;
	for my $entry (0x200, $table + 512, 0x00fffffffffffe00, $table | 1 << 60)
	{
		$image->set_l1(0, $entry);
		refuse(sprintf('L1 entry 0x%x', $entry), or_equal => $entry > 1 << 50);
	}
	$image = fresh();
	for my $entry (0x200, 0x80000000000ffe00, 1 << 56 | 0x200)
	{
		$image->set_l2(0, $entry);
		refuse(sprintf('L2 entry 0x%x', $entry), data_only => 0);
	}
	$image = fresh('-o', 'compat=0.10');
	$image->set_l2(0, 1);
	refuse('zero flag in version 2');
	$image = fresh('-o', 'extended_l2=on');
	my $at = $image->l2_at(0);
	for my $bitmap (0xffffffffffffffff, 0x0000000100000001)
	{
		$image->write_at($at + 8, pack 'Q>', $bitmap);
		refuse(sprintf('subcluster bitmap 0x%x', $bitmap));
	}
	$image->write_at($at, pack 'Q>Q>', 0, 1);
	refuse('subclusters without a cluster');
	$image = fresh('-o', 'extended_l2=on');
	$image->write_at($at, pack 'Q>Q>', $image->l2(0) | 1, 0xffffffff);
	refuse('zero flag with subclusters', or_equal => 1);
	$image = fresh('-o', 'extended_l2=on,cluster_size=16k');
	$image->set(cluster_bits => 13);
	refuse('extended L2 with clusters of 8 KiB');

	# everything that is beyond the end of the file reads as zeroes, and costs nothing
	$image = fresh();
	$image->set_l2(0, 0x8000000100000000);
	refuse('a data cluster past the end of the file', or_equal => 1);
	$image->set_l1(0, 0x8000000100000000);
	refuse('an L2 table past the end of the file', or_equal => 1);
	$image->set(l1_offset => 0x100000000);
	refuse('an L1 table past the end of the file', or_equal => 1);
}

# ---------- aliases: little files that mean a lot of work ----------
{
	my $image = fresh();
	$image->set_l2($_, $image->l2(0)) for 1 .. 63;
	refuse('all guest clusters in one host cluster');
	$image = fresh('-o', 'cluster_size=512');
	my $first = $image->l1(0);
	$image->set_l1($_, $first) for 1 .. 127;
	refuse('all L1 entries name one L2 table');
	$image = fresh();
	$image->set_l1(0, $image->get('l1_offset') | 1 << 63);
	refuse('the L1 table as L2 table', or_equal => 1);
	$image = fresh();
	$image->set_l2(0, $image->l1(0));
	refuse('the L2 table as data', or_equal => 1);
	$image = fresh();
	$image->set_l2(0, 1 << 63);
	refuse('the header as data', or_equal => 1);

	# 512 GiB of compressed data in one stream
	my $deep = "x.qcow2";
	unlink $deep, 'src.raw';
	spew('src.raw', 'a' x 65536);
	command_ok(qw(qemu-img convert -q -c -f raw -O qcow2 src.raw x.qcow2));
	my $entry = Qcow2->open($deep)->l2(0);
	command_ok(qw(qemu-img resize -q x.qcow2 512M));
	$image = Qcow2->open($deep);
	$image->set_l2($_, $entry) for 1 .. 8191;
	refuse('one compressed cluster 8192 times');
	command_ok(qw(qemu-img resize -q x.qcow2 64T));
	$image = Qcow2->open($deep);
	$image->set_l1($_, $image->l1(0)) for 1 .. 131071;
	refuse('64 TiB out of one compressed cluster');
	unlink 'src.raw';
}

# ---------- compressed streams ----------
{
	for my $type (compression_types())
	{
		my $make = sub {
			unlink 'x.qcow2';
			spew('src.raw', join '', map { "some text $_\n" } 1 .. 10000);
			truncate 'src.raw', 131072;
			command_ok(qw(qemu-img convert -q -c -f raw -O qcow2 -o), "compression_type=$type", qw(src.raw x.qcow2));
			unlink 'src.raw';
			return Qcow2->open('x.qcow2');
		};
		my $image  = $make->();
		my $entry  = $image->l2(0);
		my $offset = $entry & ((1 << 54) - 1);
		$image->write_at($offset, "\xff" x 600);
		refuse("$type: garbage", data_only => 1);
		$image = $make->();
		$image->write_at($offset + 200, "\0" x 20000);
		refuse("$type: cut off", data_only => 1);
		$image = $make->();
		$image->set_l2(0, ($entry & ~(0xff << 54)));
		refuse("$type: one sector of input", data_only => 1);
		$image = $make->();
		$image->set_l2(0, (1 << 62) | (0xff << 54) | ((1 << 54) - 1));
		refuse("$type: far past the end of the file", data_only => 1);
		$image = $make->();
		$image->set_l2(0, $entry | 1 << 63);
		refuse("$type: COPIED bit on a compressed cluster", or_equal => 1, data_only => 1);
		if ($type eq 'zstd')
		{
			$image = $make->();
			$image->write_at($offset, "\x27");
			refuse('zstd: the format of version 0.7', data_only => 1);
			$image = $make->();
			$image->write_at($offset, pack('H*', '28b52ffd' . '00' . 'f8') . "\x01\x00\x00");
			refuse('zstd: a window of terabytes', data_only => 1);
		}
	}
}

# ---------- chains ----------
{
	fresh();
	my $image = Qcow2->open('x.qcow2');
	$image->write_at(4096, 'x.qcow2');
	$image->set(backing_offset => 4096)->set(backing_size => 7);
	refuse('its own backing file', chain => [ '--layer', 'qcow2:x.qcow2', '--layer', 'qcow2:x.qcow2' ]);
	refuse('its own backing file, given once');
	create('base.qcow2', '4M');
	command_ok(qw(qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2));
	unlink 'x.qcow2';
	rename 'top.qcow2', 'x.qcow2';
	my $copy = slurp('x.qcow2');
	for my $name ("base.qcow2\0", "base\0qcow2", 'base.qcow', 'base.qcow2.', './base.qcow2/', 'json:{"file":"base.qcow2"}', 'file:base.qcow2', 'nbd://h/base.qcow2', "x" x 1023)
	{
		spew('x.qcow2', $copy);
		my $top = Qcow2->open('x.qcow2');
		$top->write_at(8192, $name);
		$top->set(backing_offset => 8192)->set(backing_size => length $name);
		refuse("backing name \"" . substr($name, 0, 40) =~ s/\0/\\0/gr . '"', chain => [ '--layer', 'qcow2:base.qcow2', '--layer', 'qcow2:x.qcow2' ]);
	}
	spew('x.qcow2', $copy);
	my $top = Qcow2->open('x.qcow2');
	my $at  = index($copy, "\xe2\x79\x2a\xca");
	for my $format ('raw', 'vmdk', 'qcow', "qc\0w2")
	{
		$top->write_at($at + 4, pack('Na8', length $format, $format));
		refuse("backing format \"$format\"" =~ s/\0/\\0/r, chain => [ '--layer', 'qcow2:base.qcow2', '--layer', 'qcow2:x.qcow2' ]) if length $format;
	}
	unlink 'base.qcow2', 'x.qcow2';
}

# ---------- at random ----------
my @values = (0, 1, 2, 7, 8, 511, 512, 513, 4095, 4096, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	0x00fffffffffffe00, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x4000000000000000, 0xfffffffffffffe00);
# fields that no reader needs: where qemu-img refuses them, we may read
my %unneeded = map { $_ => 1 } qw(reftable_offset reftable_clusters snapshots snapshots_offset refcount_order autoclear compatible extension);

sub damage
{
	my ($path) = @_;
	my $image = Qcow2->open($path);
	my $bits  = $image->get('cluster_bits');
	return 'nothing' if $bits < 9 || $bits > 21;    # damaged in an earlier round
	my $what = int rand 10;
	if ($what < 2)
	{
		my @fields = sort keys %Qcow2::header;
		my $field  = $fields[ rand @fields ];
		my $value  = rand() < 0.5 ? $values[ rand @values ] : $image->get($field) ^ 1 << int rand 32;
		my $bytes  = $Qcow2::header{$field}[1];
		$value &= $bytes == 1 ? 0xff : 0xffffffff if $bytes < 8;
		# qemu-img would fill the disk with a giant's zeroes on some file systems
		return 'nothing' if $field eq 'size' && $value > 1 << 33 && $value < 1 << 62;
		$image->set($field, $value);
		return (sprintf('%s = 0x%x', $field, $value), $field);
	}
	my $size  = $image->get('size');
	my $guest = int rand(1 + ($size >> $bits));
	if ($what < 4)
	{
		my $i = int rand(1 + $image->get('l1_size'));
		# damaged before
		return 'nothing' if $image->l1_at($i) > 1 << 40;
		my $value = rand() < 0.3 ? $values[ rand @values ] : rand() < 0.5 ? $image->l1(int rand(1 + $i)) : $image->l1($i) ^ 1 << int rand 64;
		$image->set_l1($i, $value);
		return (sprintf('L1[%d] = 0x%x', $i, $value), 'l1');
	}
	if ($what < 8 && defined $image->l2_at($guest))
	{
		my $value = rand() < 0.2 ? $values[ rand @values ] : rand() < 0.5 ? $image->l2(int rand(1 + $guest)) : $image->l2($guest) ^ 1 << int rand 64;
		my $at = $image->l2_at($guest) + ($image->extended && rand() < 0.4 ? 8 : 0);
		return 'nothing' if $at > 1 << 40;
		$image->write_at($at, pack 'Q>', $value);
		return (sprintf('L2[%d] at 0x%x = 0x%x', $guest, $at, $value), 'l2');
	}
	if ($what == 8)
	{
		my $length = -s $path;
		my $cut    = int rand $length;
		truncate $path, $cut;
		return ("cut at $cut of $length", 'l2');
	}
	my $at = $image->get('version') >= 3 ? 104 + int rand 200 : 72 + int rand 200;
	$image->write_at($at, join '', map { chr int rand 256 } 0 .. rand 8);
	return ("bytes at $at", 'extension');
}

sub try_mutant
{
	my ($number) = @_;
	my $dir = "$space/$number";
	mkdir $dir or die;
	srand $number;
	my @list = split /\n/, command_ok($generator, $number, $dir, 'layers=' . (1 + int rand 3), 'size=' . 512 * int rand 6000, 'truncate=0', chain_keys());
	my @layers = map { [ split / /, $_ ] } @list;
	my @victims = grep { $_->[0] eq 'qcow2' } @layers;
	my (@done, %fields);
	for (0 .. int rand 3)
	{
		last unless @victims;
		my $victim = $victims[ rand @victims ];
		my ($text, @fields) = damage("$dir/$victim->[1]");
		push @done, "$victim->[1]: $text";
		$fields{$_} = 1 for @fields;
	}
	my @chain = map { ('--layer', "$_->[0]:$dir/$_->[1]") } @layers;
	my @problems;
	my ($code, $out, $err) = run_command([ $copier, 'copy', @chain, '--output', "raw:$dir/raw" ], timeout => 60);
	my $virtual = -s "$dir/raw" // 0;
	push @problems, "exit $code: $err" unless $code == 0 || $code == 3;
	push @problems, "finding of a sanitizer: $err" if $err =~ /Sanitizer|runtime error/;
	push @problems, 'output left' if $code != 0 && -e "$dir/raw";
	if ($code == 0 && $virtual < 1 << 30)
	{
		# twice: its process limits keep qemu-img from filling the machine
		my $top = $layers[-1];
		my ($theirs, undef, $reason) = run_command([ 'prlimit', '--fsize=4294967296', '--as=4294967296', qw(qemu-img convert -f), $top->[0], qw(-O raw), "$dir/$top->[1]", "$dir/oracle" ], timeout => 60);
		if ($theirs == 0)
		{
			push @problems, 'content differs from qemu-img\'s' if compare("$dir/raw", "$dir/oracle") != 0;
		}
		elsif (!grep { $unneeded{$_} } keys %fields)
		{
			push @problems, "copied what qemu-img refuses: $reason";
		}
		my ($third, $text, $errors) = run_command([ $copier, 'copy', @chain, '--output', "qcow2:$dir/qcow2" ], timeout => 60);
		push @problems, "to qcow2: exit $third: $errors" if $third != 0;
		if ($third == 0 && $theirs == 0)
		{
			my ($differs, $say) = run_command([ qw(qemu-img compare -f raw -F qcow2), "$dir/oracle", "$dir/qcow2" ]);
			push @problems, "qcow2: $say" if $differs;
		}
	}
	push @problems, "damage: @done" if @problems;
	if (defined $ENV{MUTANT}) { diag("files in $dir; exit $code; $err @done"); $File::Temp::KEEP_ALL = 1 }
	else { remove_tree($dir) }
	return @problems;
}

if (defined $ENV{MUTANT})
{
	my @problems = try_mutant($ENV{MUTANT});
	ok(!@problems, "mutant $ENV{MUTANT}") or diag join "\n", @problems;
}
else
{
	diag("SEED=$seed");
	for my $i (0 .. ($ENV{MUTANTS} // 400) - 1)
	{
		my $number = $seed * 1000 + $i;
		my @problems = eval { try_mutant($number) };
		push @problems, $@ if $@;
		ok(!@problems, "mutant $number") or diag("MUTANT=$number: " . join "\n", @problems);
	}
}
chdir '/';
done_testing();
