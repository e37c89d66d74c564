#!/usr/bin/perl
# traps.t: what makes naive copiers wrong, one by one, on images made by qemu-img and qemu-io
# (image-copy.md §0 and §2).  The oracle is qemu-img convert.
use strict;
use warnings;
use File::Compare qw(compare);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Qcow2;
use Test::More;

my $space = workspace();
my ($writer_in, $writer_out);
my $peak  = "$top/build/test-copy/peak_memory";
chdir $space or die;

# create NAME SIZE [options]; io NAME commands
sub create { my ($name, $size, @options) = @_; command_ok(qw(qemu-img create -q -f), $name =~ /raw$/ ? 'raw' : 'qcow2', @options, $name, $size) }
sub overlay
{
	my ($name, $below, @options) = @_;
	my $size = @options && $options[0] =~ /^\d/ ? shift @options : undef;
	command_ok(qw(qemu-img create -q -f qcow2 -b), $below, '-F', $below =~ /raw$/ ? 'raw' : 'qcow2', @options, $name, $size // ());
}
sub io { my ($name, @commands) = @_; command_ok('qemu-io', '-f', $name =~ /raw$/ ? 'raw' : 'qcow2', (map { ('-c', $_) } @commands), $name) }
sub layers { return map { ('--layer', (/raw$/ ? 'raw' : 'qcow2') . ":$_") } @_ }

# Copies the chain to raw and qcow2 and compares with qemu-img.
sub same
{
	my ($what, @names) = @_;
	my $last = $names[-1];
	subtest $what => sub {
		command_ok(qw(qemu-img convert -f), $last =~ /raw$/ ? 'raw' : 'qcow2', '-O', 'raw', $last, 'oracle');
		for my $output (['raw'], [ 'raw', '--preallocate' ], ['qcow2'], [ 'qcow2', '--compat', '0.10', '--cluster-size', 4096 ], [ 'qcow2', '--keep-zeroes', '--cluster-size', 2097152 ])
		{
			my ($format, @options) = @$output;

			# the folder may be memory
			next if grep { $_ eq '--preallocate' } @options and -s 'oracle' > 1 << 30;
			my ($code, $out, $err) = run_command([ $copier, 'copy', layers(@names), '--output', "$format:out", @options ]);
			is($code, 0, "$format @options") or do { diag $err; next };
			($code, $out) = run_command([ qw(qemu-img compare -f raw -F), $format, qw(oracle out) ]);
			is($code, 0, 'same content as by qemu-img') or diag $out;
			is(-s 'out', -s 'oracle', 'same length') if $format eq 'raw';
			is((run_command([ qw(qemu-img check -q -f qcow2 out) ]))[0], 0, 'clean') if $format eq 'qcow2';
			my ($answer) = json_of((run_command([ $copier, 'measure', layers(@names), '--format', $format, grep { !/--(preallocate|keep-zeroes)/ } @options ]))[1]);
			is($answer->{required}, -s 'out', 'measured exactly');
			unlink 'out';
		}
		unlink 'oracle';
	};
	return;
}

sub refused
{
	my ($what, $pattern, @arguments) = @_;
	my ($code, $out, $err) = run_command([ $copier, 'copy', @arguments, '--output', 'raw:out' ]);
	is($code, 3, "$what: refused") or diag $err;
	like($err, $pattern, "$what: says why");
	ok(!-e 'out', "$what: nothing left");
	unlink 'out';
	return;
}

# --- sizes
create('a.raw', '1M');
io('a.raw', 'write -P 1 0 1M');
overlay('b.qcow2', 'a.raw', '300k');
overlay('c.qcow2', 'b.qcow2', '1M');
io('c.qcow2', 'write -P 3 500k 8k');
same('a short layer hides what lies under its end', 'a.raw', 'b.qcow2', 'c.qcow2');
overlay('d.qcow2', 'c.qcow2', '200k', '-o', 'cluster_size=512');
same('a longer backing layer is cut at the size of the one above', 'a.raw', 'b.qcow2', 'c.qcow2', 'd.qcow2');
overlay('e.qcow2', 'a.raw', '5M', '-o', 'cluster_size=2M');
io('e.qcow2', 'write -P 5 1022k 4k');
same('backing ends inside a cluster of the overlay', 'a.raw', 'e.qcow2');
spew('odd.raw', join '', map { chr($_ % 251) } 1 .. 1000);
same('a raw image of 1000 bytes is 1024 long', 'odd.raw');
overlay('odd.qcow2', 'odd.raw', '1M', '-o', 'cluster_size=4096');
io('odd.qcow2', 'write -P 7 512 512');
same('over a raw image of 1000 bytes', 'odd.raw', 'odd.qcow2');
create('zero.qcow2', 0);
same('an image of size 0', 'zero.qcow2');
spew('zero.raw', '');
same('a raw image of size 0', 'zero.raw');
create('header.qcow2', '1M');
io('header.qcow2', 'write -P 9 0 1M');
{
	open my $handle, '+<:raw', 'header.qcow2' or die;
	sysseek $handle, 24, 0;
	syswrite $handle, pack('Q>', 1048476);
}
same('a size in the header that is not a multiple of 512 is rounded down', 'header.qcow2');

# --- end of file
create('tail.qcow2', '4M');
io('tail.qcow2', 'write -P 8 0 64k', 'write -P 9 1M 64k');
truncate 'tail.qcow2', (-s 'tail.qcow2') - 30000;
same('the file ends inside a data cluster', 'tail.qcow2');
create('sparse.qcow2', '10G');
same('a fresh image ends inside its last cluster', 'sparse.qcow2');
create('meta.qcow2', '64M', '-o', 'preallocation=metadata');
io('meta.qcow2', 'write -P 4 1M 1M');
same('metadata preallocation: data clusters past the end of the file', 'meta.qcow2');
command_ok(qw(truncate -s 2M), 'meta.qcow2');
same('cut off in the data', 'meta.qcow2');

create('cut.qcow2', '4M');
io('cut.qcow2', 'write -c -P 1 0 64k', 'write -c -P 2 64k 64k');
overlay('uncut.qcow2', 'cut.qcow2', '-o', 'cluster_size=4096');
io('uncut.qcow2', 'write -P 3 64k 60k');
truncate 'cut.qcow2', Qcow2->open('cut.qcow2')->l2(1) & (1 << 54) - 1;
refused('cut off before a compressed cluster', qr/compressed cluster past the end of the file/, layers('cut.qcow2', 'uncut.qcow2'));
io('uncut.qcow2', 'write -P 4 124k 4k');
same('cut off before a compressed cluster that is written over', 'cut.qcow2', 'uncut.qcow2');

# --- zero clusters
create('zb.raw', '2M');
io('zb.raw', 'write -P 1 0 2M');
overlay('z.qcow2', 'zb.raw');
io('z.qcow2', 'write -z 0 64k', 'write -P 2 128k 64k', 'write -z -u 128k 64k', 'write -z 300k 5k', 'write -P 3 256k 64k', 'write -z 256k 64k');
same('zero clusters hide the layer below', 'zb.raw', 'z.qcow2');
overlay('z2.qcow2', 'z.qcow2', '-o', 'compat=0.10,cluster_size=1k');
io('z2.qcow2', 'write -z 512k 64k', 'discard 0 64k');
same('zero writes in version 2', 'zb.raw', 'z.qcow2', 'z2.qcow2');

# --- compressed
spew('text.raw', join('', map { "line $_ of a compressible file\n" } 1 .. 40000));
truncate 'text.raw', 2 << 20;
for my $type (compression_types())
{
	for my $cluster (qw(512 4k 64k 2M))
	{
		command_ok(qw(qemu-img convert -q -c -f raw -O qcow2 -o), "compression_type=$type,cluster_size=$cluster", 'text.raw', 'cmp.qcow2');
		overlay('cmp2.qcow2', 'cmp.qcow2', '-o', 'cluster_size=4k');
		io('cmp2.qcow2', 'write -P 1 10k 3k', 'write -P 2 1M 100k');
		same("$type, clusters of $cluster, written over in part", 'cmp.qcow2', 'cmp2.qcow2');
		unlink 'cmp.qcow2', 'cmp2.qcow2';
	}
}

# --- subclusters
overlay('sub.qcow2', 'zb.raw', '-o', 'extended_l2=on,cluster_size=128k');
io('sub.qcow2', 'write -P 5 4k 4k', 'write -z 8k 4k', 'write -P 6 200k 1k', 'write -z 256k 128k', 'write -P 7 600k 200k', 'discard 640k 64k', 'write -c -P 8 1M 128k');
same('subclusters of all kinds', 'zb.raw', 'sub.qcow2');
overlay('sub2.qcow2', 'sub.qcow2', '-o', 'extended_l2=on,cluster_size=16k');
io('sub2.qcow2', map { 'write -P ' . (10 + $_) . ' ' . $_ * 37 . 'k 512' } 1 .. 40);
same('subclusters over subclusters', 'zb.raw', 'sub.qcow2', 'sub2.qcow2');

# --- what else may be in an image
create('snap.qcow2', '4M');
io('snap.qcow2', 'write -P 1 0 1M');
command_ok(qw(qemu-img snapshot -c before snap.qcow2));
io('snap.qcow2', 'write -P 2 512k 1M');
command_ok(qw(qemu-img snapshot -c after snap.qcow2));
io('snap.qcow2', 'write -P 3 1M 64k', 'discard 0 128k');
same('internal snapshots: only the active state counts', 'snap.qcow2');
command_ok(qw(qemu-img bitmap --add --enable snap.qcow2 dirty));
io('snap.qcow2', 'write -P 4 2M 64k');
same('bitmaps are dropped', 'snap.qcow2');
{
	my ($code, $out, $err) = run_command([ $copier, 'copy', layers('snap.qcow2'), '--output', 'raw:out' ]);
	is($err, qq(vmclone-copy: layer 0 "snap.qcow2": 2 internal snapshots are not copied; bitmaps are not copied\n), 'which is said');
	unlink 'out';
	($code, $out, $err) = run_command([ $copier, 'copy', layers('snap.qcow2'), '--output', 'raw:out', '--progress', 'json' ]);
	my ($notice) = grep { $_->{event} eq 'notice' } events_of($out);
	is($notice && "$notice->{layer} $notice->{message}", '0 2 internal snapshots are not copied; bitmaps are not copied', 'to programs too');
	unlink 'out';
}
create('lazy.qcow2', '1M', '-o', 'lazy_refcounts=on');
io('lazy.qcow2', 'write -P 1 0 64k');
same('lazy refcounts', 'lazy.qcow2');
for my $bits (1, 2, 8, 64)
{
	create('ref.qcow2', '1M', '-o', "refcount_bits=$bits");
	io('ref.qcow2', 'write -P 1 0 64k', 'write -P 2 512k 3k');
	same("refcounts of $bits bits", 'ref.qcow2');
}
create('grown.qcow2', '1M', '-o', 'cluster_size=512');
io('grown.qcow2', 'write -P 1 0 1M');
command_ok(qw(qemu-img resize -q grown.qcow2 40M));
io('grown.qcow2', 'write -P 2 39M 1M');
command_ok(qw(qemu-img resize -q --shrink grown.qcow2 20M));
same('grown and shrunk: the L1 table is longer than needed', 'grown.qcow2');

# --- every cluster size of results
create('any.qcow2', '3M');
io('any.qcow2', 'write -P 1 100k 1000k', 'write -P 2 2M 512');
command_ok(qw(qemu-img convert -f qcow2 -O raw any.qcow2 oracle));
for my $bits (9 .. 21)
{
	for my $compat ('0.10', '1.1')
	{
		my $size = 1 << $bits;
		my ($code, undef, $err) = run_command([ $copier, 'copy', layers('any.qcow2'), '--output', 'qcow2:out', '--compat', $compat, '--cluster-size', $size ]);
		is($code, 0, "clusters of $size bytes, compat $compat") or diag $err;
		is((run_command([ qw(qemu-img check -q -f qcow2 out) ]))[0], 0, 'clean');
		is((run_command([ qw(qemu-img compare -f raw -F qcow2 oracle out) ]))[0], 0, 'same content');
		my $info = json_of((run_command([ qw(qemu-img info --output json out) ]))[1]);
		is($info->{'cluster-size'} . ' ' . $info->{'format-specific'}{data}{compat}, "$size $compat", 'as asked for');
		unlink 'out';
	}
}

# --- depth
my @deep = map { (split / /)[1] } split /\n/, command_ok("$top/build/test-copy/make_chain", 77, $space, qw(layers=201 size=4000256), chain_keys());
same('201 layers', @deep);

# --- memory: whatever the image, 64 MiB
no warnings 'numeric';
for my $giant ([ '64T', 'cluster_size=64k' ], [ '120G', 'cluster_size=512' ], [ '10G', 'cluster_size=512' ], [ '64T', 'cluster_size=2M' ], [ '16T', 'cluster_size=64k,extended_l2=on' ],
	[ '128G', 'cluster_size=512' ], [ '2P', 'cluster_size=64k' ], [ '2048P', 'cluster_size=2M' ])    # the last three: the largest there are
{
	my ($size, $options) = @$giant;
	create('giant.qcow2', $size, '-o', $options);
	io('giant.qcow2', map { "write -P 1 ${_}G 64k" } grep { $_ < $size || $size =~ /[TP]/ } 0, 7, 50, 99, 119);
	my ($code, undef, $err) = run_command([ $peak, "$space/rss", $copier, 'copy', layers('giant.qcow2'), '--output', 'qcow2:out', $size eq '2048P' ? qw(--cluster-size 2M) : () ]);
	is($code, 0, "$size with $options") or diag $err;
	is((run_command([ qw(qemu-img compare -f qcow2 -F qcow2 giant.qcow2 out) ], timeout => 300))[0], 0, 'same content') if $size eq '10G';
	# a sanitizer's shadow memory is not ours
	cmp_ok(slurp('rss'), '<=', 64 << 10, 'peak memory at most 64 MiB') unless $copier =~ /sanitize/;
	unlink 'giant.qcow2', 'out';
}

# --- the chain is what the caller says
refused('the layers in the wrong order', qr/back/i, layers('z.qcow2', 'zb.raw'));
refused('a layer left out',              qr/back/i, layers('zb.raw', 'z2.qcow2'));
refused('the base left out',             qr/back/i, layers('z.qcow2'));
refused('an overlay that has no backing file', qr/back/i, layers('zb.raw', 'snap.qcow2'));
refused('a layer twice',                 qr/\w/,    layers('zb.raw', 'z.qcow2', 'z.qcow2'));
refused('raw said to be qcow2',          qr/qcow2|magic/i, '--layer', 'qcow2:zb.raw');
{
	my ($code) = run_command([ $copier, 'copy', '--layer', 'raw:snap.qcow2', '--output', 'raw:out' ]);
	is($code, 0, 'qcow2 said to be raw is copied as it is');
	my $bytes = slurp('snap.qcow2');
	$bytes .= "\0" x (-length($bytes) % 512);
	ok(slurp('out') eq $bytes, 'byte by byte, up to a whole sector');
	unlink 'out';
	($code, undef, my $err) = run_command([ $copier, 'copy', layers('zb.raw'), '--output', 'raw:zb.raw' ]);
	isnt($code, 0, 'the output is a layer');
	is(-s 'zb.raw', 2 << 20, 'which is untouched');
	spew('there', 'already');
	($code, undef, $err) = run_command([ $copier, 'copy', layers('zb.raw'), '--output', 'raw:there' ]);
	isnt($code, 0, 'the output exists');
	is(slurp('there'), 'already', 'and is untouched');
}
command_ok(qw(cp z.qcow2 renamed.qcow2));
overlay('other-name.qcow2', 'renamed.qcow2');
rename 'renamed.qcow2', 'now.qcow2';
{
	my ($code, undef, $err) = run_command([ $copier, 'copy', layers('zb.raw', 'now.qcow2', 'other-name.qcow2'), '--backing-name', 'renamed.qcow2', '--output', 'raw:out' ]);
	is($code, 0, '--backing-name says what the header of the layer before it must say') or diag $err;
	unlink 'out';
	refused('another name', qr/renamed\.qcow2.*now\.qcow2|now\.qcow2.*renamed\.qcow2/s, layers('zb.raw', 'now.qcow2', 'other-name.qcow2'));
}
# a name in an image does nothing to the terminal of who reads about it, and the line stays one
{
	for my $case ([ "\e[2J\e]0;x\a\n\r\x7f\xc2\x9b", '\\x1b[2J\\x1b]0;x\\x07\\x0a\\x0d\\x7f\\xc2\\x9b' ], [ "\x9b31m\xff", '\\x9b31m\\xff' ], [ "b\xc3\xa4cking", "b\xc3\xa4cking" ])
	{
		my ($name, $shown) = @$case;
		command_ok(qw(cp z.qcow2 trick.qcow2));
		open my $handle, '+<:raw', 'trick.qcow2' or die;
		sysseek $handle, 8, 0;
		sysread $handle, my $where, 8;
		sysseek $handle, unpack('Q>', $where), 0;
		syswrite $handle, $name;
		sysseek $handle, 16, 0;
		syswrite $handle, pack('N', length $name);
		close $handle;
		my (undef, undef, $err) = run_command([ $copier, 'copy', layers('zb.raw', 'trick.qcow2'), '--output', 'raw:out' ]);
		is($err, qq(vmclone-copy: layer 1 "trick.qcow2" offset 8: header names backing file "$shown", expected "zb.raw"\n), 'control characters are shown, not sent');
	}
}
for my $name ('json:{"driver":"raw","file.filename":"/etc/passwd"}', 'nbd://127.0.0.1:1/x', 'http://127.0.0.1/zb.raw', '../zb.raw/', '/etc/', '')
{
	command_ok(qw(cp z.qcow2 trick.qcow2));
	open my $handle, '+<:raw', 'trick.qcow2' or die;
	sysseek $handle, 8, 0;
	sysread $handle, my $where, 12;
	my ($offset, $length) = unpack 'Q>N', $where;
	sysseek $handle, $offset, 0;
	syswrite $handle, $name;
	sysseek $handle, 16, 0;
	syswrite $handle, pack('N', length $name);
	close $handle;
	refused("backing name \"$name\"", qr/back/i, layers('zb.raw', 'trick.qcow2'));
}

# --- in use
SKIP:
{
	my $pid = open3_writer('z.qcow2') or skip 'qemu-io did not start', 1;
	refused('a layer that is open for writing', qr/lock|use|writ/i, layers('zb.raw', 'z.qcow2'));
	my ($code, undef, $err) = run_command([ $copier, 'copy', layers('zb.raw', 'z.qcow2'), '--force-share', '--output', 'raw:out' ]);
	is($code, 0, '--force-share reads it all the same') or diag $err;
	unlink 'out';
	close_writer($pid);
}

# --- who wants to write to what is copied is refused at once, and nobody else is disturbed
{
	command_ok(qw(qemu-img create -q -f raw held.raw 8M));
	command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', 'held.raw');
	command_ok(qw(qemu-img create -q -f qcow2 -b held.raw -F raw held.qcow2));
	command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 2 0 1M', 'held.qcow2');
	command_ok(qw(qemu-img create -q -f qcow2 -b held.qcow2 -F qcow2 above.qcow2));
	for my $share (0, 1)
	{
		my $what = $share ? 'with --force-share' : 'while a copy reads';
		my $run = start_copier('copy', layers('held.raw', 'held.qcow2'), '--output', 'raw:out', qw(--limit 200000 --progress json), ('--force-share') x $share);

		ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{phase} eq 'data' }), "$what: it copies");
		for my $image ([ raw => 'held.raw' ], [ qcow2 => 'held.qcow2' ])
		{
			my ($code, $out, $err) = run_command([ 'qemu-io', '-f', $image->[0], '-c', 'read -q 0 512', $image->[1] ]);
			$share ? unlike("$out$err", qr/lock/, "$what: a writer of $image->[1] is let in")
			  : like("$out$err", qr/Failed to get "write" lock/, "$what: a writer of $image->[1] is refused");
			is((run_command([ 'qemu-io', '-r', '-f', $image->[0], '-c', 'read -q 0 512', $image->[1] ]))[0], 0, "$what: a reader is let in");
		}
		is((run_command([ qw(qemu-io -f qcow2 -c), 'write -q -P 3 4M 1M', 'above.qcow2' ]))[0], 0, "$what: a machine above writes to its own layer");
		is((run_command([ $copier, 'copy', layers('held.raw', 'held.qcow2'), '--output', 'raw:second' ]))[0], 0, "$what: another copy reads, too");
		unlink 'second';
		$run->murder;
		is((run_command([ qw(qemu-io -f raw -c), 'write -q -P 1 0 512', 'held.raw' ]))[0], 0, "$what: ended, and nothing is locked");
		unlink 'out';
	}
}

sub open3_writer
{
	my ($name) = @_;
	my $pid = IPC::Open3::open3($writer_in, $writer_out, undef, 'qemu-io', '-f', 'qcow2', $name);
	print $writer_in "length\n";
	$writer_in->flush;
	my $line = <$writer_out>;
	return defined $line ? $pid : undef;
}

sub close_writer
{
	my ($pid) = @_;
	close $writer_in;
	waitpid $pid, 0;
	return;
}

chdir '/';
done_testing();
