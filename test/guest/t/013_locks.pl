# Layers on NFS are locked as qemu locks what it reads: a writer, on this machine or another, is refused at once; who writes
# above, as a running VM does, is not disturbed.
#
# With one exception, about which no reader can do anything: qemu asks for others' locks by F_OFD_GETLK, and Linux's client answers "none"
# itself where it has a read delegation, which the server may give it when qemu looks at the image before it opens it for writing.  Then the
# copy sees that its layer was changed.  So servers without delegations come first.
use strict;
use warnings;
use Guest;
use IPC::Run ();
use Test::More;
use VmcloneCluster;

my $copier = copier();

sub delegations
{
	as_root('sh', '-c', "echo $_[0] >/proc/sys/fs/leases-enable");
	return;
}

sub on_second
{
	my ($mount) = @_;

	as_root(qw(nsenter --net=/run/netns/second mount -t nfs -o), "vers=$mount->{version}", "10.9.9.1:$mount->{server}", '/rhev/second');
	return;
}

second_machine();
delegations(0);
foreach my $mount (@nfs)
{
	my ($version, $path) = @$mount{qw(version path)};
	my @layers = map { "$path/locks.$_" } qw(base middle top);
	my ($events, $heard, $control) = ('', '', '');

	run('qemu-img', 'create', '-q', '-f', 'raw', $layers[0], '8M');
	run('qemu-io', '-f', 'raw', '-c', 'write -q -P 1 0 4M', $layers[0]);
	run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', $layers[ $_ - 1 ], '-F', $_ == 1 ? 'raw' : 'qcow2', $layers[$_]) foreach 1, 2;
	run('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 2 2M 2M', $layers[1]);

	# the VM: it has the chain open, and writes to its top
	my $commands = '';
	my $vm = IPC::Run::start([ 'qemu-io', '-f', 'qcow2', $layers[2] ], '<', \$commands, '>', \$heard, '2>', \$heard, my $vm_time = IPC::Run::timer(300));
	$commands .= "write -P 3 0 64k\n";
	$vm->pump until $heard =~ /wrote 65536/ || $vm_time->is_expired;
	like($heard, qr/wrote 65536/, "NFS $version: a VM runs");

	my $copy = IPC::Run::start([ $copier, 'copy', '--layer', "raw:$layers[0]", '--layer', "qcow2:$layers[1]", '--output', "raw:$path/locks.out",
			'--no-reflink', '--limit', '50000', '--progress', 'json' ], '<', \$control, '>', \$events, '2>', \$events, my $time = IPC::Run::timer(300));
	$copy->pump until $events =~ /"phase":"data"/ || $time->is_expired || !$copy->pumpable;
	foreach my $n (0, 1)
	{
		my ($code, $out, $err) = try_run('qemu-io', '-f', $n ? 'qcow2' : 'raw', '-c', 'write 0 64k', $layers[$n]);
		like("$out$err", qr/Failed to get "write" lock/, "NFS $version: who wants to write to layer $n is refused at once");
	}
	if ($version ne '3')
	{
		# locks of version 3 are a service of its own, which VDSM's mounts are without
		on_second($mount);
		my ($code, $out, $err) = try_run('qemu-io', '-f', 'raw', '-c', 'write 0 64k', '/rhev/second/locks.base');
		like("$out$err", qr/Failed to get "write" lock/, "NFS $version: on another machine, too");
		$copy->pump_nb;
		unlike($events, qr/"event":"(?:done|error)"/, "NFS $version: while the copy goes on");
		as_root(qw(umount /rhev/second));
	}
	$heard = '';
	$commands .= "write -P 4 512k 64k\nread -P 1 1M 64k\nquit\n";
	$vm->finish;
	like($heard, qr/wrote 65536.*read 65536/s, "NFS $version: the VM above writes and reads");
	unlike($heard, qr/verification failed|error/i, "NFS $version: what it has written");
	# its standard input stays open: it ends with who started it
	$control .= "limit 0\n";
	$copy->pump until $events =~ /"event":"(?:done|error)"/ || $time->is_expired || !$copy->pumpable;
	ok($copy->finish, "NFS $version: the copy ends well") or diag $events;
	is((try_run('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'raw', $layers[1], "$path/locks.out"))[0], 0, "NFS $version: exact");
	is((try_run('qemu-io', '-f', 'raw', '-c', 'write -q 0 64k', $layers[0]))[0], 0, "NFS $version: and the layers are free");

	# the other way round: a layer that a VM writes to is refused, unless it is to be read all the same
	($heard, $commands) = ('', "write -P 5 0 64k\n");
	$vm = IPC::Run::start([ 'qemu-io', '-f', 'raw', $layers[0] ], '<', \$commands, '>', \$heard, '2>', \$heard, $vm_time = IPC::Run::timer(300));
	$vm->pump until $heard =~ /wrote 65536/ || $vm_time->is_expired;
	my ($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$layers[0]", '--output', "raw:$path/locks.out2");
	is($code, 3, "NFS $version: a layer that a VM writes to is refused");
	like("$out$err", qr/lock|use/, "NFS $version: and said so");
	$commands .= "quit\n";
	$vm->finish;
	unlink @layers, "$path/locks.out";
}

# a server that gives one to the writer's machine, and has given none to the reader's, which it would have had to call back: noticed
{
	my ($mount) = grep { $_->{version} eq '4.1' } @nfs;
	my ($layer, $output) = map { "$mount->{path}/delegated.$_" } qw(raw out);
	my ($events, $control) = ('', '');

	run('qemu-img', 'create', '-q', '-f', 'raw', $layer, '4M');
	run('qemu-io', '-f', 'raw', '-c', 'write -q -P 1 0 4M', $layer);
	my $copy = IPC::Run::start([ $copier, 'copy', '--layer', "raw:$layer", '--output', "raw:$output", '--no-reflink', '--limit', '50000',
			'--progress', 'json' ], '<', \$control, '>', \$events, '2>', \$events, my $time = IPC::Run::timer(300));
	$copy->pump until $events =~ /"phase":"data"/ || $time->is_expired || !$copy->pumpable;
	delegations(1);
	on_second($mount);
	my ($code, $out, $err) = try_run('qemu-io', '-f', 'raw', '-c', 'write -P 9 3M 64k', '/rhev/second/delegated.raw');
	as_root(qw(umount /rhev/second));
	# not so where the client asks the server all the same
	my $refused = "$out$err" =~ /Failed to get "write" lock/;
	$control .= "limit 0\n";
	$copy->pump until $events =~ /"event":"(?:done|error)"/ || $time->is_expired || !$copy->pumpable;
	my $done = $copy->finish;
	if ($refused)
	{
		ok($done, 'delegations: the writer is refused') or diag $events;
		is((try_run('cmp', $layer, $output))[0], 0, 'delegations: exact');
	}
	else
	{
		like($events, qr/"kind":"source_changed"/, 'delegations: the writer is not refused, and the copy says that its layer was changed');
		ok(!-e $output, 'delegations: no image is made of it');
	}
	unlink $layer, $output;
}
as_root(qw(ip netns del second));
done_testing();
