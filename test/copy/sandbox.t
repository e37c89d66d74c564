#!/usr/bin/perl
# sandbox.t: a copier that turns bad at the moment it begins to read images (COPY_SANDBOX_PROBE) can't
# open, connect, execute or reach io_uring; and the sandbox stands in the way of no ordinary copy.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Qcow2;
use Test::More;
use Time::HiRes qw(sleep);

my $probe = "$top/build/test-copy/vmclone-copy-probe";
my $space = workspace();
chdir $space or die;
command_ok(qw(qemu-img create -q -f qcow2 image.qcow2 4M));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 1 0 1M', 'image.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw image.qcow2 oracle));
my @layer = qw(--layer qcow2:image.qcow2);

# a file that is not the copier's, for it to harm
my $foreign = spew("$space/foreign", 'precious');
my $mode    = (stat $foreign)[2];
$ENV{VMCLONE_COPY_PROBE} = $foreign;

for my $verb ([ 'copy', '--output', 'raw:out' ], [ 'copy', '--output', 'qcow2:out' ], [ 'measure', '--format', 'raw' ], ['map'], [ 'verify', '--output', 'raw:oracle' ])
{
	my ($command, @rest) = @$verb;
	my ($code, $out, $err) = run_command([ $probe, $command, @layer, @rest ]);
	my %tried = map { $_->{call} => $_ } grep { ($_->{event} // '') eq 'probe' } events_of($out);
	for my $call (qw(open openat openat2 creat socket connect execve fork io_uring_setup ptrace mmap_exec kill process_vm_readv
		stat newfstatat newfstatat_empty statx access chmod chown truncate link symlink mkdir renameat2 unlink unlinkat chdir
		inotify_add_watch fcntl_setown sendmsg))
	{
		ok($tried{$call} && !$tried{$call}{allowed}, "$command: $call is refused") or diag $out;
		# EPERM from seccomp, not a failure of the call's own kind
		is($tried{$call} && $tried{$call}{errno}, 1, "$command: $call: by the sandbox");
	}
	is($code, 0, "$command @rest: and the work is done all the same") or diag $err;
	is(slurp($foreign), 'precious', "$command: a foreign file is still there");
	is((stat $foreign)[2], $mode, "$command: as it was");
	ok(!-e 'probe-link' && !-e 'probe-directory', "$command: nothing new is there");
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
	ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{phase} // '') eq 'data' }), 'at work');
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

# what must be removed is removed all the same, by the process beside it, which leaves with the copier
for my $way (qw(TERM KILL refused))
{
	unlink 'out', 'out.resume';
	my @at = $way eq 'refused' ? (qw(--layer qcow2:bad.qcow2)) : @layer;
	if ($way eq 'refused')
	{
		# an L2 entry that is not aligned is found when the output is there already
		command_ok(qw(cp image.qcow2 bad.qcow2));
		my $image = Qcow2->open('bad.qcow2');
		$image->set_l2(3, 0x50200);
	}
	my $run = start_copier('copy', @at, '--output', 'raw:out', '--limit', '200K', '--progress', 'json', '--no-reflink', '--resume', 'out.resume');
	my ($helper);
	if ($way ne 'refused')
	{
		ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{phase} // '') eq 'data' }), "$way: at work");
		($helper) = split / /, slurp("/proc/$run->{pid}/task/$run->{pid}/children");
		is(slurp("/proc/$helper/comm"), "vmclone-remover\n", "$way: with a process beside it");
		unlike(slurp("/proc/$helper/cmdline"), qr/out|layer/, "$way: that is not taken for a copier");
		my @open = map { readlink } glob "/proc/$helper/fd/*";
		# its socket, the directory, once for each file, and / in place of the standard streams: nothing that the copier locks, no pipe
		is(scalar(grep { !/^socket:/ && $_ ne $space && $_ ne '/' } @open), 0, "$way: and has nothing else open") or diag "@open";
		kill $way, $run->{pid};
	}
	my ($code, $err) = $run->finish(10);
	is($code, { TERM => 4, KILL => -9, refused => 3 }->{$way}, "$way: ends") or diag $err;
	is(-e 'out' ? 1 : 0, $way eq 'KILL' ? 1 : 0, $way eq 'KILL' ? 'and what can be gone on with stays' : 'and its output is gone');
	is(-e 'out.resume' ? 1 : 0, $way eq 'KILL' ? 1 : 0, 'so the record');
	next if $way eq 'refused';
	my $left;
	for (1 .. 50) { $left = -e "/proc/$helper" && slurp("/proc/$helper/stat") !~ /\) Z /; last unless $left; sleep 0.1 }
	ok(!$left, "$way: the process has ended too");
	# its lock is free at once
	my ($again, undef, $why) = run_command([ $copier, 'copy', @layer, '--output', 'raw:out', '--resume', 'out.resume' ]) if $way eq 'KILL';
	is($again, 0, 'and the copy goes on') or diag $why if $way eq 'KILL';
}

# what started the copier is gone, though its pipes are still open: nobody waits for the result
for my $with ('', '--resume out.resume')
{
	unlink 'out', 'out.resume', 'events';
	pipe my $read, my $write or die;
	my $middle = fork // die;
	if ($middle == 0)
	{
		close $write;
		open STDIN, '<&', $read or die;
		my $pid = fork // die;
		exec "exec $copier copy @layer --output raw:out --limit 200K --no-reflink --progress json $with >events 2>&1" if $pid == 0;
		spew('pid', $pid);
		select undef, undef, undef, 0.02 until -s 'events' && slurp('events') =~ /"phase":"data"/;
		# no END blocks: the directory is not ours
		kill 'KILL', $$;
	}
	waitpid $middle, 0;
	my $pid  = slurp('pid');
	my $gone = 0;
	for (1 .. 100) { $gone = !-e "/proc/$pid" || slurp("/proc/$pid/stat") =~ /\) Z /; last if $gone; select undef, undef, undef, 0.05 }
	ok($gone, "the parent was killed, copy $with: ends") or kill 'KILL', $pid;
	like(slurp('events'), qr/cancelled by end of the parent process/, 'and knows why');
	is((-e 'out' ? 1 : 0) . (-e 'out.resume' ? 1 : 0), $with ? '11' : '00', $with ? 'what can be gone on with stays' : 'nothing is left');
	close $write;
}

# a name that belongs to another file by now is not removed
{
	unlink 'out', 'out.resume';
	my $run = start_copier('copy', @layer, '--output', 'raw:out', '--limit', '200K', '--progress', 'json', '--no-reflink');
	ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{phase} // '') eq 'data' }), 'at work');
	rename 'out', 'moved';
	spew('out', 'mine');
	kill 'TERM', $run->{pid};
	my ($code) = $run->finish(10);
	is($code, 4, 'cancelled');
	is(slurp('out'), 'mine', 'a file that took the name of the output stays');
	unlink 'out', 'moved';
}
chdir '/';
done_testing();
