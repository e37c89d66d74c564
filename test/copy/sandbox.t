#!/usr/bin/perl
# sandbox.t: a copier that turns bad at the moment it begins to read images (COPY_SANDBOX_PROBE) can't
# open, connect, execute or reach io_uring; and the sandbox stands in the way of no ordinary copy.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $probe = "$top/build/test-copy/vmclone-copy-probe";
my $space = workspace();
chdir $space or die;
command_ok(qw(qemu-img create -q -f qcow2 image.qcow2 4M));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 1 0 1M', 'image.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw image.qcow2 oracle));
my @layer = qw(--layer qcow2:image.qcow2);

for my $verb ([ 'copy', '--output', 'raw:out' ], [ 'copy', '--output', 'qcow2:out' ], [ 'measure', '--format', 'raw' ], ['map'], [ 'verify', '--output', 'raw:oracle' ])
{
	my ($command, @rest) = @$verb;
	my ($code, $out, $err) = run_command([ $probe, $command, @layer, @rest ]);
	my %tried = map { $_->{call} => $_ } grep { ($_->{event} // '') eq 'probe' } events_of($out);
	for my $call (qw(open openat openat2 creat socket connect execve fork io_uring_setup ptrace mmap_exec kill))
	{
		ok($tried{$call} && !$tried{$call}{allowed}, "$command: $call is refused") or diag $out;
		# EPERM from seccomp, not a failure of the call's own kind
		is($tried{$call} && $tried{$call}{errno}, 1, "$command: $call: by the sandbox");
	}
	is($code, 0, "$command @rest: and the work is done all the same") or diag $err;
	unlink 'out';
}

# the usual build has no probe in it
my ($code, $out) = run_command([ $copier, 'copy', @layer, '--output', 'raw:out', '--progress', 'json' ]);
is($code, 0, 'a copy');
unlike($out, qr/probe/, 'without probes');

# what the kernel says about a copier at work, all of its threads
{
	unlink 'out';
	my $run = start_copier('copy', @layer, '--output', 'raw:out', '--limit', '200K', '--progress', 'json', '--no-reflink');
	ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{phase} // '') eq 'data' }, 10), 'at work');
	my @tasks = glob "/proc/$run->{pid}/task/*/status";
	cmp_ok(scalar @tasks, '>=', 2, scalar(@tasks) . ' threads');
	for my $status (map { slurp($_) } @tasks)
	{
		like($status, qr/^Seccomp:\s+2$/m, 'a thread with a filter');
		like($status, qr/^NoNewPrivs:\s+1$/m, 'and without new privileges');
	}
	my $limits = slurp("/proc/$run->{pid}/limits");
	like($limits, qr/^Max core file size\s+0\s/m, 'no core files');
	my ($memory) = $limits =~ /^Max address space\s+(\d+)/m;
	ok($memory && $memory <= 512 << 20, 'address space at most 512 MiB') unless $copier =~ /sanitize/;
	my ($size) = $limits =~ /^Max file size\s+(\d+)/m;
	ok($size && $size <= 4 << 20, 'files no longer than planned');
	kill 'TERM', $run->{pid};
	$run->finish(10);
}
chdir '/';
done_testing();
