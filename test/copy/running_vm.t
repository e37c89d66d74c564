#!/usr/bin/perl
# running_vm.t: copies of a chain below a real qemu whose VM runs on the image above: neither disturbs the other, and what the
# VM merges into a layer meanwhile (a commit job opens it for writing) is refused.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use IPC::Run ();
use Test::More;

plan skip_all => 'qemu-system-x86_64 is not here' if !have_command('qemu-system-x86_64');

my $space = workspace();
chdir $space or die;
command_ok(qw(qemu-img create -q -f raw base.raw 16M));
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', 'base.raw');
command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw middle.qcow2));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 2 4M 2M', 'middle.qcow2');
command_ok(qw(qemu-img create -q -f qcow2 -b middle.qcow2 -F qcow2 top.qcow2));

my ($commands, $heard) = ('', '');
my $time = IPC::Run::timer(180);
my $vm = IPC::Run::start([ qw(qemu-system-x86_64 -accel tcg -machine q35 -m 64 -nodefaults -display none -monitor stdio -S),
		'-drive', 'if=none,id=disk,format=qcow2,file=top.qcow2', '-device', 'virtio-blk-pci,drive=disk,id=vda' ], '<', \$commands, '>', \$heard, '2>', \$heard, $time);

# what the monitor says to a command, up to the pattern
sub monitor
{
	my ($command, $pattern) = @_;

	$heard = '';
	$commands .= "$command\n";
	eval { $vm->pump until $heard =~ $pattern };
	return $heard;
}

like(monitor('cont', qr/\(qemu\)\s*$/), qr/qemu/, 'a VM runs');
like(monitor('qemu-io disk "write -P 3 0 64k"', qr/wrote 65536|failed|[Ee]rror/), qr/wrote 65536/, 'and writes to its disk');

my $run = start_copier(qw(copy --layer raw:base.raw --layer qcow2:middle.qcow2 --output raw:out --limit 2000000 --progress json));
ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{phase} eq 'data' }), 'the layers below are copied');
like(monitor('qemu-io disk "write -P 4 1M 64k"', qr/wrote 65536|failed|[Ee]rror/), qr/wrote 65536/, 'the VM goes on writing');
like(monitor('qemu-io disk "read -P 2 4M 64k"', qr/read 65536|failed|[Ee]rror/), qr/read 65536/, 'and reading what is copied');
like(monitor('commit disk', qr/\(qemu\)\s*$/), qr/lock|[Ee]rror|fail/, 'a merge into a layer is refused at once');
monitor('quit', qr/never/);
$vm->finish;
my ($code) = $run->finish;
is($code, 0, 'the copy ends well');
is((run_command([qw(qemu-img compare -q -f qcow2 -F raw middle.qcow2 out)]))[0], 0, 'and is exact');
done_testing();
