#!/usr/bin/perl
# The README's commands of the copier run as they stand there, one after the other, on chains of these shapes.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $readme = do { open(my $handle, '<', 'README.md') or die $!; local $/; <$handle> };
my ($block) = $readme =~ /^## The copier alone\n.*?^```\n(.*?)^```$/ms;
my @commands = map { split /\n/ } $block // '';
my $copier = "$ENV{VMCLONE_STAGE}/install" . `\$\{PG_CONFIG:-pg_config} --bindir`;
chomp $copier;
$ENV{PATH} = "$copier:$ENV{PATH}";

chdir tempdir(CLEANUP => 1) or die;
foreach my $setup ('qemu-img create -q -f qcow2 base.qcow2 64M', "qemu-io -f qcow2 -c 'write -P 1 0 3M' base.qcow2",
	'qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 snap1.qcow2', "qemu-io -f qcow2 -c 'write -P 2 1M 1M' snap1.qcow2",
	'qemu-img convert -O raw base.qcow2 disk.img', 'qemu-img create -q -f qcow2 -b disk.img -F raw disk.snap1')
{
	system("$setup >/dev/null") == 0 or die "failed: $setup";
}
cmp_ok(scalar(@commands), '>', 3, 'there are commands');
foreach my $command (@commands)
{
	my $output = `$command 2>&1 </dev/null`;
	is($?, 0, $command) or diag $output;
}
is(system('qemu-img compare -q -f qcow2 -F raw snap1.qcow2 clone.img'), 0, 'and the clone is the snapshot');
done_testing();
