# The copier on logical volumes that lie on iSCSI: results of both formats, layers on volumes, a device that fails.
use strict;
use warnings;
use Guest;
use Test::More;
use VmcloneCluster;

my $copier = copier();
my $folder = PostgreSQL::Test::Utils::tempdir();
my $size = 32 << 20;

chdir $folder or die;
run('qemu-img', 'create', '-q', '-f', 'raw', 'base.raw', $size);
run('qemu-io', '-f', 'raw', '-c', 'write -q -P 1 0 6M', '-c', 'write -q -P 2 20M 300k', 'base.raw');
run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', 'top.qcow2');
run('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 3 1M 100k', '-c', 'write -q -z 3M 1M', '-c', 'write -q -P 4 30M 2M', 'top.qcow2');
my @chain = copier_arguments([ raw => 'base.raw' ], [ qcow2 => 'top.qcow2' ]);

# what was on the volume before must not shine through: it is filled first
my $target = logical_volume('target', 40);
sub fill
{
	run('sh', '-c', "tr '\\0' '\\252' </dev/zero | head -c 40M >$target");
	return;
}

foreach my $format (qw(raw qcow2))
{
	fill();
	my ($code, $out, $err) = try_run($copier, 'copy', @chain, '--output', "$format:$target", '--verify');
	is($code, 0, "$format to a logical volume") or diag $err;
	is((try_run('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', $format, 'top.qcow2', $target))[0], 0, "$format: exact");
	is((try_run('qemu-img', 'check', '-q', '-f', 'qcow2', $target))[0], 0, "$format: clean") if $format eq 'qcow2';
}

# layers on logical volumes, as VDSM has them: qcow2 on all but the base
my $base = logical_volume('base', 32);
my $top = logical_volume('top', 40);
run('dd', 'if=base.raw', "of=$base", 'bs=1M', 'conv=fsync', 'status=none');
run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', $base, '-F', 'raw', $top, $size);
run('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 5 1M 100k', '-c', 'write -q -z 3M 1M', $top);
foreach my $output ([ raw => 'file.raw' ], [ qcow2 => 'file.qcow2' ], [ raw => $target ], [ qcow2 => $target ])
{
	my ($format, $path) = @$output;

	fill() if $path eq $target;
	my ($code, $out, $err) =
	  try_run($copier, 'copy', '--layer', "raw:$base", '--layer', "qcow2:$top", '--output', "$format:$path");
	is($code, 0, "layers on logical volumes to $format:$path") or diag $err;
	is((try_run('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', $format, $top, $path))[0], 0, 'exact');
}

# a device that reads, and then fails: nothing but an error, and the message says where
my ($sectors) = run('sudo', '-n', 'blockdev', '--getsz', $target);
my $flakey = '/dev/mapper/flakey';
sub flakey
{
	my ($table) = @_;

	as_root('dmsetup', (-e $flakey ? 'reload' : 'create'), 'flakey', '--table', "0 $sectors $table");
	as_root('dmsetup', 'resume', 'flakey');
	as_root('udevadm', 'settle');
	as_root('chown', '-L', 'postgres', $flakey);
	return;
}
as_root('modprobe', 'dm-flakey');
flakey("flakey $target 0 0 600 1 error_writes");
foreach my $format (qw(raw qcow2))
{
	my ($code, $out, $err) = try_run($copier, 'copy', @chain, '--output', "$format:$flakey");
	is($code, 1, "$format to a device that fails writes");
	like($err, qr{"/dev/dm-\d+".*Input/output error}s, 'says which and why');
}
flakey("linear $target 0");
my ($code, $out, $err) = try_run($copier, 'copy', @chain, '--output', "raw:$flakey");
is($code, 0, 'works again once the device does: nobody had been told of what could not be written back') or diag $err;
flakey("flakey $target 0 0 600");
($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$flakey", '--output', 'raw:unreadable');
is($code, 1, 'a layer that fails reads');
like($err, qr{/dev/mapper/flakey.*Input/output error}s, 'says which and why');
ok(!-e 'unreadable', 'and nothing is left of the output');

as_root('dmsetup', 'remove', 'flakey');
as_root('lvremove', '-q', '-y', map { "iscsi/$_" } qw(target base top));
chdir '/';
done_testing();
