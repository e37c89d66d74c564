#!/usr/bin/perl
# page_cache.t: what the page cache holds of a layer is read from there, the rest past it, and the cache stays as it is.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

use constant MIB => 1 << 20;

my $dir = workspace('/tmp');
my $size = 96 * MIB;
chdir $dir or die;

plan skip_all => 'fincore is not installed' unless have_command('fincore');

# Bytes of the file that are in the page cache.
sub cached { my ($path) = @_; my ($bytes) = command_ok('fincore', '-b', '-n', '-o', 'RES', $path) =~ /(\d+)/; return $bytes }

# Takes the file's pages out of the cache.
sub forget { my ($path) = @_; return command_ok('dd', "of=$path", 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none') }

# Bytes that this process and the children it has waited for have had from devices.
sub bytes_from_devices { my ($bytes) = slurp('/proc/self/io') =~ /^read_bytes: (\d+)/m; return $bytes }

# Has some ranges cached, [offset, length], as somebody does who reads them one page after the other.
sub read_ranges
{
	for (@_)
	{
		my ($offset, $length) = @$_;
		command_ok('dd', 'if=layer.raw', 'of=/dev/null', 'bs=4096', "skip=@{[ $offset / 4096 ]}", "count=@{[ $length / 4096 ]}", 'status=none');
	}
	return;
}

spew('layer.raw', join '', map { chr(1 + $_ % 255) x MIB } 1 .. $size / MIB);
forget('layer.raw');
plan skip_all => 'files here are always in memory' if cached('layer.raw') > 0;

# Copies; returns what came from the device and how many cached bytes of the layer there are more than before.
sub copy
{
	my ($what, @options) = @_;
	my @as = ref $options[0] ? @{ shift @options } : ();
	my ($before, $read) = (cached('layer.raw'), bytes_from_devices());
	my ($code, undef, $err) = run_command([ @as, $copier, qw(copy --layer raw:layer.raw --output), 'raw:out/copy', '--no-reflink', @options ]);
	is($code, 0, "$what: copied") or diag $err;
	($read, my $more) = (bytes_from_devices() - $read, cached('layer.raw') - $before);
	is((run_command([qw(cmp layer.raw out/copy)]))[0], 0, "$what: content");
	unlink 'out/copy';
	return ($read, $more);
}
mkdir 'out';
chmod 0777, $dir, 'out';

my ($read, $more) = copy('nothing cached');
SKIP:
{
	skip 'no direct I/O here', 1 if $more > 8 * MIB;

	# cmp, the oracle, has read the layer
	forget('layer.raw');
	($read, $more) = copy('nothing cached');
	cmp_ok($read, '>=', $size, 'nothing cached: all comes from the device');
	cmp_ok($more, '<', MIB, 'nothing cached: nothing came into the cache');

	slurp('layer.raw');
	($read, $more) = copy('all cached');
	cmp_ok($read, '<', MIB, 'all cached: nothing comes from the device');
	is($more, 0, 'all cached: it still is');
	SKIP:
	{
		skip 'strace is not here', 8 if !have_command('strace');
		slurp('layer.raw');
		($read, $more) = copy('all cached, looked at once', [ qw(strace -f -qq -o trace -e trace=mincore) ]);
		cmp_ok($read, '<', MIB, 'all cached, looked at once: nothing comes from the device');
		cmp_ok(scalar(() = slurp('trace') =~ /mincore\(/g), '<=', 2 + $size / (4 * MIB), 'all cached, looked at once: not at each read again');
		($read, $more) = copy('all cached, a file system without RWF_NOWAIT', [ qw(strace -f -qq -o trace -e trace=preadv2 -e inject=preadv2:error=EOPNOTSUPP) ]);
		cmp_ok($read, '<', MIB, 'all cached, a file system without RWF_NOWAIT: nothing comes from the device');
		like(slurp('trace'), qr/preadv2\(.*INJECTED/, 'all cached, a file system without RWF_NOWAIT: it was tried');
	}

	forget('layer.raw');
	read_ranges([ 10 * MIB, 20 * MIB ], [ 51 * MIB, 3 * MIB ], [ 80 * MIB, 65536 ]);
	my $partly = cached('layer.raw');
	cmp_ok($partly, '>=', 23 * MIB, 'a part is cached');
	($read, $more) = copy('a part cached');
	cmp_ok($read, '>=', $size - $partly, 'a part cached: the rest comes from the device');
	cmp_ok($read, '<=', $size - $partly + 4 * MIB, 'a part cached: the part does not');
	cmp_ok($more, '<', MIB, 'a part cached: no more than before is');

	slurp('layer.raw');
	($read, $more) = copy('--io direct', '--io', 'direct');
	cmp_ok($read, '>=', $size, '--io direct: all comes from the device');

	# what was written and is not on the disk yet
	spew('layer.raw', join '', map { chr(1 + $_ * 7 % 255) x MIB } 1 .. $size / MIB);
	copy('not written back yet');

  SKIP:
	{
		# the kernel tells such a reader that everything is cached
		skip 'needs root and setpriv', 1 unless $> == 0 && have_command('setpriv');
		chmod 0444, 'layer.raw';
		forget('layer.raw');
		($read, $more) = copy('a reader who may not know', [qw(setpriv --reuid 65534 --clear-groups)]);
		cmp_ok($read, '>=', $size, 'a reader who may not know: all comes from the device');
		cmp_ok($more, '<', MIB, 'a reader who may not know: nothing came into the cache');
	}
}
chdir '/';
done_testing;
