#!/usr/bin/perl
# policies.t: the sentences of the man page's "WHAT BECOMES OF" that no other test holds it to: zeroes and
# holes per kind of source and destination, discard, marks, streams of compressed clusters.  Others have:
# short layers, snapshots and bitmaps (traps.t), data of zeroes and preallocation (control.t,
# filesystems.t), refusals (hostile.t).
use strict;
use warnings;
use Compress::Raw::Zlib;
use File::Compare qw(compare);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Qcow2;
use Test::More;

my $space = workspace();
my $disk  = workspace('/tmp');
chdir $space or die;

sub works { my ($what, @arguments) = @_; my ($code, $out, $err) = run_command([ $copier, @arguments ]); is($code, 0, $what) or diag $err; return $err }
sub measure { my (@layers) = @_; return json_of((run_command([ $copier, 'measure', @layers, '--format', 'raw' ]))[1]) }
sub allocated { my ($path) = @_; return (stat $path)[12] * 512 }
sub traced
{
	my ($calls, $inject, @command) = @_;
	my ($code, undef, $err) = run_command([ qw(strace -f -qq -y -o), "$space/trace", '-e', "trace=$calls", (map { ('-e', "inject=$_") } @$inject), @command ]);
	return ($code, slurp("$space/trace"), $err);
}

# ---------- durable: data, then what makes it an image, then its name ----------
SKIP:
{
	skip 'strace is not here', 4 if !have_command('strace');
	command_ok(qw(qemu-img create -q -f raw order.raw 2M));
	command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 2M', 'order.raw');
	for my $format (qw(raw qcow2))
	{
		my ($code, $trace, $err) = traced('pwrite64,pwritev,fsync,fdatasync', [], $copier, 'copy', '--layer', 'raw:order.raw', '--output', "$format:$disk/out", qw(--no-reflink --threads 1));
		is($code, 0, "$format: copied") or diag $err;
		my @calls = map {
			/f(?:data)?sync\(\d+<\Q$disk\E\/out>/ ? 'sync'
			  : /fsync\(\d+<\Q$disk\E>/ ? 'directory'
			  : $format eq 'qcow2' && /pwrite64\(\d+<\Q$disk\E\/out>.*, 0\)\s+= \d+$/ ? 'header'
			  : /pwrite\w*\(\d+<\Q$disk\E\/out>/ ? 'data'
			  : ()
		} split /\n/, $trace;
		# one word for each run of the same
		my @order;
		for (@calls) { push @order, $_ if !@order || $order[-1] ne $_ }
		is("@order", $format eq 'raw' ? 'data sync directory' : 'data sync header sync directory', "$format: in this order") or diag $trace;
		unlink "$disk/out";
	}
}

# ---------- zeroes: what nobody owns, what is said to be zero, what lies past the end of the file ----------
command_ok(qw(qemu-img create -q -f raw base.raw 8M));
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 4M', 'base.raw');
command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2 8M));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -z 1M 2M', '-c', 'write -q -P 2 6M 64k', 'top.qcow2');
my @chain = qw(--layer raw:base.raw --layer qcow2:top.qcow2);
is(measure(@chain)->{bytes_to_read}, (2 << 20) + 65536, 'zeroes and holes are not read');
for my $dir ($space, $disk)
{
	for my $format (qw(raw qcow2))
	{
		works("to $format on $dir", 'copy', @chain, '--output', "$format:$dir/out", '--no-reflink');
		command_ok('sync', "$dir/out");
		cmp_ok(allocated("$dir/out"), '<=', (2 << 20) + 65536 + (320 << 10), 'nor written: they are holes');
		unlink "$dir/out";
	}
}
command_ok(qw(cp top.qcow2 cut.qcow2));
truncate 'cut.qcow2', (-s 'top.qcow2') - 65536;    # where the 64 KiB of data were
is(measure(qw(--layer raw:base.raw --layer qcow2:cut.qcow2))->{bytes_to_read}, 2 << 20, 'past the end of a file nothing is read');

# ---------- the first 4 KiB of a raw image are no hole: qemu probes the alignment of its storage there ----------
for my $size (0, 512, 4096, 1 << 20)
{
	command_ok('qemu-img', 'create', '-q', '-f', 'qcow2', 'empty.qcow2', $size);
	works("an empty disk of $size bytes", 'copy', '--layer', 'qcow2:empty.qcow2', '--output', "raw:$disk/out");
	command_ok('qemu-img', 'create', '-q', '-f', 'raw', "$disk/oracle", $size);
	is(allocated("$disk/out"), allocated("$disk/oracle"), 'is allocated as far as qemu-img create does');
	is(-s "$disk/out", $size, 'and has its size');
	unlink "$disk/out", "$disk/oracle";
}

# ---------- data that turns out to be zero, in blocks of 4 KiB ----------
{
	my $data = join '', map { ("\x55" . "\0" x 4095, "\0" x 61440) } 1 .. 32;
	spew('blocks.raw', $data);
	is(measure('--layer', 'raw:blocks.raw')->{bytes_to_read}, 2 << 20, 'all of it is read');
	for my $place ([ $space, [] ], [ $disk, [qw(--io buffered --no-reflink)] ], [ $disk, [qw(--io direct --no-reflink)] ])
	{
		my ($dir, $options) = @$place;
		works("zero blocks between others, @$options", 'copy', '--layer', 'raw:blocks.raw', '--output', "raw:$dir/out", @$options);
		command_ok('sync', "$dir/out");
		# ext4 may need a block for its tree of extents
		cmp_ok(allocated("$dir/out"), '<=', 33 * 4096, 'become holes, block by block');
		is(compare("$dir/out", 'blocks.raw'), 0, 'and the content is the same');
		unlink "$dir/out";
	}
}

# ---------- holes of raw layers ----------
SKIP:
{
	skip 'strace is not here', 11 if !have_command('strace');
	is(measure('--layer', 'raw:base.raw')->{bytes_to_read}, 4 << 20, 'a file system that knows its holes: data is read');
	foreach my $case ([ 'EINVAL', 'NFS before 4.2' ], [ 'EIO', 'CIFS of Samba' ])
	{
		my ($error, $what) = @$case;
		my ($code, $trace) = traced('lseek', ["lseek:error=$error"], $copier, 'measure', '--layer', 'raw:base.raw', '--format', 'raw');
		like($trace, qr/SEEK_DATA.*INJECTED/, "one that does not ($what)");
		($code, $trace) = traced('lseek,pread64,preadv', ["lseek:error=$error"], $copier, 'copy', '--layer', 'raw:base.raw', '--output', 'raw:out', qw(--threads 1 --io buffered));
		is($code, 0, 'is copied');
		my $read = 0;
		$read += $1 while $trace =~ /base\.raw>.*= (\d+)$/mg;
		is($read, 8 << 20, 'by reading everything');
		is(compare('out', 'base.raw'), 0, 'and the same comes out');
		is(allocated('out'), 4 << 20, 'with holes where zeroes were read');
		unlink 'out';
	}
}

# ---------- marks ----------
for my $case ([ 1, 'marked dirty: refcounts are not needed' ], [ 2, 'marked corrupt: read as it is' ])
{
	my ($bit, $words) = @$case;
	command_ok(qw(cp top.qcow2 marked.qcow2));
	Qcow2->open('marked.qcow2')->set(incompatible => $bit);
	is(works('an image with a mark', qw(copy --layer raw:base.raw --layer qcow2:marked.qcow2 --output raw:out)), qq(vmclone-copy: layer 1 "marked.qcow2": $words\n), 'is read, which is said');
	command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 oracle));
	is(compare('out', 'oracle'), 0, 'as it is');
	unlink 'out', 'oracle';
}

# ---------- compressed clusters: what a stream may do ----------
{
	my $half   = join '', map { chr(($_ * 40503 >> 7 ^ $_ * 7) & 0xff) } 1 .. 32768;
	my $whole  = $half . $half;
	my $packed = sub {
		my ($bytes) = @_;
		my ($deflate) = Compress::Raw::Zlib::Deflate->new(-WindowBits => -15, -AppendOutput => 1, -Level => 9);
		my $out = '';
		$deflate->deflate($bytes, $out);
		$deflate->flush($out);
		return $out;
	};
	# one cluster of 64 KiB, compressed at the end of the file
	my $image = sub {
		my ($stream, $type) = @_;
		unlink 'packed.qcow2';
		command_ok(qw(qemu-img create -q -f qcow2), (defined $type ? ('-o', "compression_type=$type") : ()), qw(packed.qcow2 64k));
		command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 1 0 64k', 'packed.qcow2');
		my $at    = -s 'packed.qcow2';
		my $image = Qcow2->open('packed.qcow2');
		$image->write_at($at, $stream . "\0" x (-length($stream) % 512));
		$image->set_l2(0, (1 << 62) | ((length($stream) + 511 >> 9) - 1) << 54 | $at);
		return qw(--layer qcow2:packed.qcow2);
	};
	works('deflate distances of 32 KiB', 'copy', $image->($packed->($whole)), '--output', 'raw:out');
	ok(slurp('out') eq $whole, 'are read');
	command_ok(qw(qemu-img convert -f qcow2 -O raw packed.qcow2 oracle.raw));
	ok(slurp('oracle.raw') eq $whole, 'by qemu, too');
	unlink 'out', 'oracle.raw';
	works('a stream that would go on', 'copy', $image->($packed->($whole . 'x' x 1000)), '--output', 'raw:out');
	ok(slurp('out') eq $whole, 'is cut at the end of the cluster');
	unlink 'out';
	my ($code, undef, $err) = run_command([ $copier, 'copy', $image->($packed->(substr $whole, 0, 65535)), '--output', 'raw:out' ]);
	is($code, 3, 'a stream that is one byte short: refused');
	like($err, qr/^vmclone-copy: layer 0 "packed\.qcow2" offset \d+: compressed cluster does not decode to a whole cluster$/, 'with its place');
	ok(!-e 'out', 'nothing left');

	# that of a cluster twice as large
	for my $type (grep { $_ eq 'zstd' } compression_types())
	{
		spew('large.raw', 'x' x 131072);
		command_ok(qw(qemu-img convert -q -c -f raw -O qcow2 -o), "cluster_size=128k,compression_type=$type", qw(large.raw large.qcow2));
		my $at = Qcow2->open('large.qcow2')->l2(0) & ((1 << 53) - 1);
		($code, undef, $err) = run_command([ $copier, 'copy', $image->(substr(slurp('large.qcow2'), $at, 4096), $type), '--output', 'raw:out' ]);
		is($code, 3, "a $type stream that would go on: refused");
		like($err, qr/compressed cluster does not decode to a whole cluster$/, 'and said so');
		isnt((run_command([qw(qemu-img convert -f qcow2 -O raw packed.qcow2 oracle.raw)]))[0], 0, 'as by qemu');
		unlink 'large.raw', 'large.qcow2', 'oracle.raw';
	}
}

# ---------- devices: zeroing, discard, no holes to ask for ----------
SKIP:
{
	skip 'loop devices need root', 1 if $> != 0 || !have_command('losetup');
	my $size = 16 << 20;
	spew("$disk/device", "\xaa" x $size);
	my ($failed, $loop) = run_command([ 'losetup', '--show', '-f', "$disk/device" ]);
	skip 'loop devices are not permitted here', 1 if $failed;
	chomp $loop;
	my $garbage = sub { spew($loop, "\xaa" x $size); return };
	command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 oracle));
	truncate 'oracle', $size;

	# data of zeroes is written to a device
	spew('zeroes.raw', "\0" x (4 << 20));
	works('data of zeroes to a device', qw(copy --layer raw:zeroes.raw --output), "raw:$loop");
	ok(slurp($loop) eq "\0" x $size, 'is zero there, as is the rest');
	is(measure('--layer', "raw:$loop")->{bytes_to_read}, $size, 'a device as a layer is read whole');

	# PUNCH_HOLE, else BLKZEROOUT, else writes; never BLKDISCARD
	if (have_command('strace'))
	{
		my @copy  = ($copier, 'copy', @chain, '--output', "raw:$loop");
		my $calls = 'ioctl,fallocate,pwrite64';
		$garbage->();
		my ($code, $trace) = traced($calls, [], @copy);
		is($code, 0, 'to a device');
		like($trace, qr/fallocate\([^\n]*FALLOC_FL_PUNCH_HOLE/, 'zeroed by punching holes');
		unlike($trace, qr/BLKZEROOUT|BLKDISCARD/, 'and by nothing else');
		is(sha256($loop), sha256('oracle'), 'exact');

		$garbage->();
		($code, $trace) = traced($calls, ['fallocate:error=EOPNOTSUPP'], @copy);
		is($code, 0, 'a device that punches no holes');
		like($trace, qr/ioctl\([^\n]*BLKZEROOUT/, 'zeroed by BLKZEROOUT');
		unlike($trace, qr/BLKDISCARD/, 'not discarded');
		is(sha256($loop), sha256('oracle'), 'exact');

		# the calls of the main thread before the first BLKZEROOUT must work
		my ($main)  = $trace =~ /^(\d+)/;
		my @ioctls  = grep { /^$main\s+ioctl/ } split /\n/, $trace;
		my ($first) = grep { $ioctls[$_] =~ /BLKZEROOUT/ } 0 .. $#ioctls;
		$garbage->();
		($code, $trace) = traced($calls, [ 'fallocate:error=EOPNOTSUPP', 'ioctl:error=EOPNOTSUPP:when=' . ($first + 1) . '+' ], @copy);
		is($code, 0, 'a device that does neither');
		like($trace, qr/BLKZEROOUT[^\n]*INJECTED/, 'was asked');
		unlike($trace, qr/BLKDISCARD/, 'not discarded');
		is(sha256($loop), sha256('oracle'), 'and is zeroed by writes: exact');
	}
	run_command([ 'losetup', '-d', $loop ]);
}
chdir '/';
done_testing();
