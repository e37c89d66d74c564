#!/usr/bin/perl
# control.t: the command line, exit codes, progress, and what can be said to a copy at work.
use strict;
use warnings;
use File::Compare qw(compare);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

my $space = workspace();
chdir $space or die;
my $bytes = 32 << 20;
command_ok(qw(qemu-img create -q -f raw base.raw), $bytes);
command_ok(qw(qemu-io -f raw -c), "write -q -P 1 0 $bytes", 'base.raw');
command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 2 5M 3M', '-c', 'write -q -z 20M 1M', 'top.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 oracle));
my @layers = (qw(--layer raw:base.raw --layer qcow2:top.qcow2));
my @copy   = ('copy', @layers, '--output', 'raw:out', '--no-reflink');
my @json   = (@copy, '--progress', 'json');

# ---------- a message that nobody reads ----------
{
	pipe my $nobody, my $complaints or die;
	close $nobody;
	my $pid = fork // die;
	if ($pid == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		alarm 20;
		open STDERR, '>&', $complaints or die;
		exec $copier, 'copy', '--layer', 'raw:missing.raw', '--output', 'raw:unread' or die;
	}
	waitpid $pid, 0;
	is($?, 1 << 8, 'a failure ends the copier, though nobody reads its message');
}

# ---------- standard descriptors that the caller has closed ----------
{
	# else a file or socket of the copier gets the number, is read for commands and gets messages
	my @closed = ('<&-', '>&-', '2>&-', '<&- >&-', '<&- 2>&-', '>&- 2>&-', '<&- >&- 2>&-');
	for my $closed (@closed)
	{
		my @problems;
		for my $options ('', '--progress json', '--progress bar --resume closed.record', '--verify --threads 1')
		{
			my ($status) = run_command([ 'sh', '-c', "exec $copier @copy $options $closed" ], timeout => 20);
			push @problems, "[$options] exit $status"        if $status != 0;
			push @problems, "[$options] another result"      if !-e 'out' || compare('out', 'oracle') != 0;
			push @problems, "[$options] files left: @{[glob 'closed*']}" if glob 'closed*';
			unlink 'out', glob 'closed*';
		}
		is("@problems", '', "copies with $closed");
	}
	my ($status) = run_command([ 'sh', '-c', "exec $copier @copy --progress json <&- >&- 2>&- & sleep 0.1; kill -TERM \$!; wait \$!" ], timeout => 20);
	ok($status == 0 || $status == 4 || $status == 143, 'which SIGTERM ends') or diag $status;
	unlink 'out';
	for my $closed ('>&-', '>/dev/full')
	{
		($status) = run_command([ 'sh', '-c', "exec $copier measure @layers --format raw $closed" ]);
		is($status, 1, "measure $closed: its answer is lost, exit 1");
	}
}

# ---------- signals that the caller has ignored ----------
for my $signal (qw(HUP INT))
{
	local $SIG{$signal} = 'IGNORE';
	my $run = start_copier(@copy, '--progress', 'bar', '--limit', '4M');
	sleep 0.5;
	kill $signal, $run->{pid};
	sleep 0.5;
	$run->tell('limit 0');
	my ($code, $err) = $run->finish;
	is($code, 0, "SIG$signal ignored by the caller (nohup, a job behind a script) does not cancel") or diag $err;
	unlink 'out';
}

# ---------- stdin is somebody else's unless control lines are asked for ----------
{
	my $loop = q{while read -r word; do "$0" "$@" >&2 && rm out && echo "$word"; done};
	spew('words', "one\ncancel\nthree\n");
	is((run_command([ 'bash', '-c', "cat words | $loop", $copier, @copy ]))[1], "one\ncancel\nthree\n", 'a loop of the shell keeps its input');
	unlink 'out';
	my ($code) = run_command([ 'bash', '-c', 'exec "$0" "$@" < words', $copier, @copy, qw(--limit 1M --control) ]);
	is($code, 4, 'with --control a file of lines is obeyed too');
	ok(!-e 'out', 'nothing left');
	unlink 'out';
}

# ---------- options without effect ----------
for my $case (
	[ 'raw:out',   [qw(--cluster-size 64K)],   '--cluster-size is for qcow2 output only' ],
	[ 'raw:out',   [qw(--compat 1.1)],         '--compat is for qcow2 output only' ],
	[ 'qcow2:out', ['--preallocate'],          '--preallocate is for raw output only' ],
	[ 'raw:out',   ['--keep-record'],          '--keep-record is only for --resume' ],
	[ 'raw:out',   ['--keep-lock'],            '--keep-lock is only for --control or --progress json' ])
{
	my ($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', $case->[0], @{ $case->[1] } ]);
	is("$code $err", "2 vmclone-copy: $case->[2]\n", "@{$case->[1]} with $case->[0] is refused");
	ok(!-e 'out', 'and nothing made');
}
{
	my ($code, undef, $err) = run_command([ $copier, 'copy', @layers[ 0, 1 ], '--backing-name', 'x', '--output', 'raw:out' ]);
	is($code, 2, '--backing-name of the first layer');
	like($err, qr/no effect on the first layer/, 'is refused');
	($code, undef, $err) = run_command([ $copier, 'measure', @layers, qw(--format raw --cluster-size 2M) ]);
	is($code, 2, '--cluster-size with measure --format raw') or diag $err;
	($code, undef, $err) = run_command([ $copier, 'verify', @layers, qw(--output raw:x --threads 2) ]);
	is($code, 2, '--threads with verify, which has its own two') or diag $err;
}

# ---------- events that nobody reads ----------
for my $end ('SIGTERM', 'the end of stdin')
{
	my $run = start_copier(@json, '--limit', '1M');
	fcntl $run->{out}, 1031, 4096 or die;    # F_SETPIPE_SZ
	$run->tell($_ % 2 ? 'resume' : 'pause') for 0 .. 59;
	sleep 1;
	my $begin = time;
	$end eq 'SIGTERM' ? kill 'TERM', $run->{pid} : close $run->{in};
	my $ended = 0;
	while (!$ended && time < $begin + 10) { sleep 0.05; $ended = waitpid $run->{pid}, WNOHANG }
	is($ended ? $? >> 8 : 'none', 4, "a copy whose pipe is full is cancelled by $end") or kill 'KILL', $run->{pid};
	ok(!-e 'out', 'nothing left');
	unlink 'out';
}

# ---------- the last line of stdin has no end ----------
{
	my $run = start_copier(@copy, qw(--limit 1M --control));
	syswrite $run->{in}, 'cancel';
	close $run->{in};
	my ($code) = $run->finish;
	is($code, 4, 'a command that ends with stdin is obeyed');
	ok(!-e 'out', 'nothing left');
	unlink 'out';
}

# ---------- messages into a file that is longer than the result ----------
{
	spew('log', '-' x (3 << 20));
	command_ok(qw(qemu-img create -q -f raw small.raw 1M));
	my ($status) = run_command([ 'sh', '-c', "exec $copier copy --layer raw:small.raw --output raw:out --progress json >>log" ]);
	is($status, 0, 'events to a file longer than the result');
	ok(done_event(slurp('log') =~ s/^-+//r), 'have all come');
	unlink 'out', 'small.raw', 'log';
}

# ---------- no layer: an empty image ----------
for my $format (qw(raw qcow2))
{
	my $run = start_copier('copy', '--size', '100M', '--output', "$format:blank", '--progress', 'json');
	my ($code, $err) = $run->finish;
	is($code, 0, "an empty $format image") or diag $err;
	my ($done) = grep { $_->{event} eq 'done' } @{ $run->{events} };
	is($done->{bytes_done}, 0, 'nothing copied');
	command_ok(qw(qemu-img create -q -f raw zeroes 100M));
	command_ok(qw(qemu-img compare -q -f), $format, qw(-F raw blank zeroes));
	unlink 'blank', 'zeroes';
}
is((start_copier('copy', '--output', 'raw:blank')->finish)[0], 2, 'neither layer nor size');

# ---------- events ----------
{
	my $run = start_copier(@json, '--limit', '64M');
	my ($code, $err) = $run->finish;
	is($code, 0, 'copy with --progress json') or diag $err;
	is($err,  '', 'says nothing on standard error');
	my @events = @{ $run->{events} };
	ok(!grep({ $_->{bad_json} } @events), 'every line is JSON');
	my %first;
	$first{ $_->{event} } //= $_ for @events;
	ok($first{$_}, "event $_") for qw(phase plan progress done);
	my $plan = $first{plan};
	is($plan->{virtual_size}, $bytes, 'plan: virtual size');
	is($plan->{output_size},  $bytes, 'plan: output size');
	ok(exists $plan->{$_}, "plan: $_") for qw(bytes_total method reason);
	my @progress = grep { $_->{event} eq 'progress' } @events;
	for my $key (qw(phase bytes_done bytes_total rate eta paused checkpoint))
	{
		ok(!grep({ !exists $_->{$key} } @progress), "progress: $key");
	}
	my $backwards = 0;
	my %last;
	for (@progress)
	{
		$backwards++ if $_->{bytes_done} < ($last{ $_->{phase} } // 0) || $_->{bytes_done} > $_->{bytes_total};
		$last{ $_->{phase} } = $_->{bytes_done};
	}
	is($backwards, 0, 'progress never goes back and never beyond the total');
	my $done = $events[-1];
	is($done->{event}, 'done', 'done comes last');
	is($done->{output_size}, $bytes, 'done: output size');
	is($done->{allocated}, (stat 'out')[12] * 512, 'done: allocated');
	is($done->{bytes_again}, 0, 'done: nothing twice');
	cmp_ok($done->{elapsed}, '>', 0, 'done: elapsed');
	is(compare('out', 'oracle'), 0, 'content');
	unlink 'out';
}

# ---------- limit, pause, resume ----------
{
	# what this machine needs without a limit, which is next to nothing where it has nothing else to do
	my $begin = time;
	my $run   = start_copier(@json);
	is(($run->finish)[0], 0, 'without a limit');
	my $whole = time - $begin;
	unlink 'out';

	$begin = time;
	$run   = start_copier(@json, '--limit', '16M');
	my ($code) = $run->finish;
	my $seconds = time - $begin;
	is($code, 0, '31 MiB at 16 MiB/s');
	cmp_ok($seconds, '>', 1.2, sprintf('not faster (%.2f s)', $seconds));
	cmp_ok($seconds, '<', 4 + 3 * $whole, 'not much slower');
	unlink 'out';

	$run = start_copier(@json, '--limit', '4M');
	ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{bytes_done} > 0 }), 'at work');
	$run->tell('pause');
	my $paused = $run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{paused} });
	ok($paused, 'paused');
	$run->wait_for(sub { 0 }, 0.5);    # what was under way
	my ($before) = map { $_->{bytes_done} } grep { ($_->{event} // '') eq 'progress' } reverse @{ $run->{events} };
	$run->wait_for(sub { 0 }, 1.2);
	my ($after) = map { $_->{bytes_done} } grep { ($_->{event} // '') eq 'progress' } reverse @{ $run->{events} };
	is($after, $before, 'nothing moves while it is paused');
	$run->tell('limit 1000000000');
	$run->tell('resume');
	$begin = time;
	my ($result, $err) = $run->finish;
	is($result, 0, 'resumed without limit') or diag $err;
	cmp_ok(time - $begin, '<', 3 + 3 * $whole, 'and fast');
	is(compare('out', 'oracle'), 0, 'content');
	unlink 'out';

	$run = start_copier(@json, '--limit', '4M');
	$run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{bytes_done} > 0 });
	$run->tell($_) for 'nonsense', 'limit 1M', '', 'x' x 5000, "\e[31mred", 'limit 0';
	($result, $err) = $run->finish;
	is($result, 0, 'nonsense on stdin does no harm') or diag $err;
	my @named = ('unknown command on stdin: "nonsense"', 'not a limit in bytes per second: "1M"', 'unknown command on stdin: "' . 'x' x 40 . '…"', 'unknown command on stdin: "\x1b[31mred"');
	is($err, join('', map { "vmclone-copy: $_\n" } @named), 'and each line of it is named');
	is(compare('out', 'oracle'), 0, 'content');
	unlink 'out';
}

# ---------- cancel ----------
for my $way (qw(cancel TERM INT paused-TERM end))
{
	my $seconds = in_time(
		1.5,
		sub {
			my $run = start_copier(@json, '--limit', '2M');
			ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{bytes_done} > 0 }), "$way: at work");
			ok(-e 'out', 'the output is there');
			if ($way =~ /^paused/)
			{
				$run->tell('pause');
				$run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{paused} });
			}
			my $begin = time;
			if    ($way eq 'cancel') { $run->tell('cancel') }
			elsif ($way eq 'end')    { close $run->{in} }
			else                     { kill $way =~ s/paused-//r, $run->{pid} }
			my ($code, $err) = $run->finish(10);
			my $took = time - $begin;
			is($code, 4, "$way: exit 4") or diag $err;
			ok(!-e 'out', "$way: output is removed");
			my ($event) = grep { ($_->{event} // '') eq 'error' } @{ $run->{events} };
			is($event->{kind}, 'cancelled', "$way: error event") if $way ne 'end';
			return $took;
		});
	cmp_ok($seconds, '<', 1.5, "$way: within a second or so");
}
{
	my $run = start_copier(@json, '--limit', '2M', '--resume', 'out.resume');
	$run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{bytes_done} > 0 });
	kill 'TERM', $run->{pid};
	my ($code) = $run->finish(10);
	is($code, 4, 'cancelled with --resume');
	ok(!-e 'out' && !-e 'out.resume', 'output and resume file are removed: cancel is no crash');
	unlink 'out', 'out.resume';
}

# ---------- errors ----------
sub fails
{
	my ($what, $expected, $kind, @arguments) = @_;
	my ($code, $out, $err) = run_command([ $copier, @arguments ]);
	is($code, $expected, "$what: exit $expected") or diag "$out$err";
	like($err, qr/\S/, "$what: says why");
	is(() = $err =~ /\n/g, 1, "$what: in one line") if $expected == 3;
	if (grep { $_ eq 'json' } @arguments)
	{
		my $event = error_event($out);
		is($event->{kind}, $kind, "$what: kind $kind") or diag $out;
		ok(exists $event->{$_}, "$what: $_") for qw(errno layer path offset message);
	}
	return;
}
fails('no subcommand',      2, '', ());
fails('unknown subcommand', 2, '', 'convert');
fails('no layer',           2, 'usage', 'copy', '--output', 'raw:out');
fails('no output',          2, 'usage', 'copy', @layers);
fails('unknown option',     2, 'usage', @copy, '--fast');
fails('bad format',         2, 'usage', 'copy', '--layer', 'vmdk:base.raw', '--output', 'raw:out');
fails('no format',          2, 'usage', 'copy', '--layer', 'base.raw', '--output', 'raw:out');
fails('bad cluster size',   2, 'usage', 'copy', @layers, '--output', 'qcow2:out', '--cluster-size', $_) for 0, 256, 1000, 4194304, 'x', -1;
fails('bad compat',         2, 'usage', 'copy', @layers, '--output', 'qcow2:out', '--compat', '0.11');
fails('bad limit',          2, 'usage', @copy, '--limit', 'fast');
fails('bad threads',        2, 'usage', @copy, '--threads', $_) for -1, 'x', 100000;
fails('bad io',             2, 'usage', @copy, '--io', 'uring');
fails('output is a folder',  2, 'usage', 'copy', @layers, '--output', "raw:$space/", '--progress', 'json');
fails('output is the record', 2, 'usage', 'copy', @layers, qw(--output raw:out --resume out --progress json));
{
	# the message names the option that is wrong, in whatever way it was given
	my %named = ('--fast' => 'unknown option "--fast"', '-xyz' => 'unknown option "-x"', '--verify=yes' => 'option "--verify=yes" takes no value',
		'--format=raw' => 'option "--format" does not belong to "copy"', '--size' => 'option "--size" needs a value',
		'--threads=1K' => '--threads "1K" is not valid, expected a number from 1 to 64', '--size=513' => '--size "513" is not valid, expected a multiple of 512 up to 2^63 - 1024');
	for my $given (sort keys %named)
	{
		my ($code, undef, $err) = run_command([ $copier, @copy, $given ]);
		is($code, 2, "$given: exit 2");
		is(substr($err, 0, length("vmclone-copy: $named{$given}")), "vmclone-copy: $named{$given}", "$given: is named");
	}
}
fails('measure without format', 2, 'usage', 'measure', @layers);
fails('missing layer',      1, 'io',    'copy', '--layer', 'raw:none.raw', '--output', 'raw:out', '--progress', 'json');
fails('a folder as layer',  3, 'refused', 'copy', '--layer', "raw:$space", '--output', 'raw:out', '--progress', 'json');
fails('no folder for the output', 1, 'io', 'copy', @layers, '--output', 'raw:none/out', '--progress', 'json');
spew('out', 'mine');
fails('output exists',      1, 'exists', @json);
is(slurp('out'), 'mine', 'and is left alone');
unlink 'out';
for my $gone ('2>/dev/full', '2>&-')
{
	my ($code) = run_command([ 'sh', '-c', "exec $copier copy --layer raw:none.raw --output raw:out $gone" ], timeout => 10);
	is($code, 1, "nobody hears the reason, $gone: the same end");
}
{
	# the worker reads no more from a copier that it has given up
	my $run = start_copier('copy', '--layer', 'raw:none.raw', '--output', 'raw:out', '--progress', 'json');
	close $run->{err};
	my $end = time + 10;
	my $gone;
	until ($gone || time > $end) { $gone = waitpid($run->{pid}, 1) == $run->{pid}; sleep 0.05 }
	ok($gone, 'nor does a closed pipe keep it') or kill 'KILL', $run->{pid};
}
fails('a layer refused',    3, 'refused', 'copy', '--layer', 'qcow2:base.raw', '--output', 'raw:out', '--progress', 'json');
ok(!-e 'out', 'no output is left by any of them');
{
	# too many layers: a clear word
	my @many = map { ('--layer', 'raw:base.raw') } 1 .. 2000;
	my ($code) = run_command([ $copier, 'copy', @many, '--output', 'raw:out' ]);
	ok($code == 2 || $code == 3, "2000 layers: exit $code");
	is(-s 'base.raw', $bytes, 'the layer is untouched');
}
SKIP:
{
	skip 'root reads everything', 1 if $> == 0;
	spew('secret', 'x' x 512);
	chmod 0, 'secret';
	fails('a layer that may not be read', 1, 'io', 'copy', '--layer', 'raw:secret', '--output', 'raw:out', '--progress', 'json');
	unlink 'secret';
}
SKIP:
{
	# the limit stands for a full disk; a small tmpfs is the real thing where we may mount
	skip 'a small tmpfs needs root', 1 if $> != 0;
	mkdir 'small';
	skip 'mount is not permitted here', 1 if (run_command([ qw(mount -t tmpfs -o size=8m none small) ]))[0] != 0;
	fails('disk full', 1, 'no_space', 'copy', @layers, '--output', 'raw:small/out', '--progress', 'json');
	ok(!-e 'small/out', 'disk full: output removed');
	fails('disk full, preallocated', 1, 'no_space', 'copy', @layers, '--output', 'raw:small/out', '--preallocate', '--progress', 'json');
	ok(!-e 'small/out', 'disk full, preallocated: output removed');
	run_command([ qw(umount -l small) ]);
}

# ---------- --root ----------
{
	mkdir 'root';
	mkdir 'root/inside';
	command_ok(qw(cp base.raw root/inside/base.raw));
	symlink '../../base.raw', 'root/inside/out-link';
	symlink "$space", 'root/up';
	my @root = ('--root', "$space/root");
	my ($code, undef, $err) = run_command([ $copier, 'copy', @root, '--layer', "raw:$space/root/inside/base.raw", '--output', "raw:$space/root/inside/out" ]);
	is($code, 0, 'layer and output below --root') or diag $err;
	unlink 'root/inside/out';
	for my $path ("$space/base.raw", "$space/root/inside/out-link", "$space/root/up/base.raw", "$space/root/../base.raw", "$space/root/inside/../../base.raw", '/etc/hostname')
	{
		($code, undef, $err) = run_command([ $copier, 'copy', @root, '--layer', "raw:$path", '--output', "raw:$space/root/inside/out" ]);
		isnt($code, 0, "layer $path is not below --root");
		ok(!-e 'root/inside/out', 'nothing written');
		unlink 'root/inside/out';
	}
	for my $path ("$space/out", "$space/root/up/out", "$space/root/../out")
	{
		($code, undef, $err) = run_command([ $copier, 'copy', @root, '--layer', "raw:$space/root/inside/base.raw", '--output', "raw:$path" ]);
		isnt($code, 0, "output $path is not below --root");
		ok(!-e 'out', 'nothing written');
		unlink 'out';
	}
}

# ---------- a blank disk ----------
for my $output (['raw'], [ 'raw', '--preallocate' ], ['qcow2'], [ 'qcow2', '--compat', '0.10', '--cluster-size', 4096 ], [ 'raw', '--resume', 'blank.resume' ])
{
	my ($format, @options) = @$output;
	my ($code, $out, $err) = run_command([ $copier, 'copy', '--size', 5 << 20, '--output', "$format:blank", @options, '--progress', 'json' ]);
	is($code, 0, "a blank disk, $format @options") or diag $err;
	is(done_event($out)->{output_size}, -s 'blank', 'done: output size');
	my $info = json_of((run_command([ qw(qemu-img info --output json -f), $format, 'blank' ]))[1]);
	is($info->{'virtual-size'}, 5 << 20, 'virtual size');
	is((run_command([ qw(qemu-img check -q -f qcow2 blank) ]))[0], 0, 'clean') if $format eq 'qcow2';
	command_ok(qw(qemu-img create -q -f raw zeroes 5M));
	is((run_command([ qw(qemu-img compare -f raw -F), $format, qw(zeroes blank) ]))[0], 0, 'reads as zeroes');
	ok((stat 'blank')[12] * 512 >= 5 << 20, 'allocated') if "@options" eq '--preallocate';
	ok(!-e 'blank.resume', 'no record left');
	unlink 'blank', 'zeroes';
}
fails('a blank disk without a size', 2, 'usage', 'copy', '--output', 'raw:out');

# ---------- what becomes of zeroes that a layer holds as data ----------
spew('zeroes', "\0" x (4 << 20));
for my $case ([ 'raw', [], 0 ], [ 'raw', ['--keep-zeroes'], 4 << 20 ], [ 'raw', ['--preallocate'], 4 << 20 ], [ 'qcow2', [], 0 ], [ 'qcow2', ['--keep-zeroes'], 4 << 20 ])
{
	my ($format, $options, $allocated) = @$case;
	my ($code, undef, $err) = run_command([ $copier, 'copy', '--layer', 'raw:zeroes', '--output', "$format:out", @$options ]);
	is($code, 0, "zeroes to $format @$options") or diag $err;
	my $bytes_allocated = (stat 'out')[12] * 512;
	ok($bytes_allocated >= $allocated && $bytes_allocated <= $allocated + (320 << 10), "take $allocated bytes and metadata") or diag $bytes_allocated;
	cmp_ok(-s 'out', '>', 4 << 20, 'their clusters stay allocated: the length is a matter of metadata') if $format eq 'qcow2';
	is((run_command([ qw(qemu-img compare -q -f raw -F), $format, 'zeroes', 'out' ]))[0], 0, 'and are zeroes');
	unlink 'out';
}

# ---------- the rest ----------
{
	my ($code, $out, $err) = run_command([ $copier, '--help' ]);
	is($code, 0, '--help');
	# the man page has the same options, subcommands and exit codes
	my $man = slurp("$top/docs/man/vmclone-copy.1") =~ s/\\-/-/gr =~ s/\\f[BIR]//gr;
	my %help_options = map { $_ => 1 } $out =~ /(--[a-z][a-z-]+)/g;
	my %man_options  = map { $_ => 1 } $man =~ /(--[a-z][a-z-]+)/g;
	delete $help_options{'--help'};
	delete $man_options{'--help'};
	is(join(' ', sort keys %man_options), join(' ', sort keys %help_options), 'the man page knows the options of --help');
	like($man, qr/^vmclone-copy $_ /m, "and $_") for qw(copy measure map verify volume sequence serve);
	like($man, qr/^\.B $_$/m, "and exit status $_") for 0 .. 4;
	like($out, qr/copy.*measure.*map.*verify.*volume/s, 'names the subcommands');
	for my $verb (qw(copy measure map verify))
	{
		($code, $out) = run_command([ $copier, $verb, '--help' ]);
		is($code, 0, "$verb --help");
		like($out, qr/--layer/, 'teaches');
	}
	($code, $out, $err) = run_command([ @{[$copier]}, @copy, '--progress', 'bar' ]);
	is($code, 0, '--progress bar where there is no terminal') or diag $err;
	unlink 'out';
	($code, $out, $err) = run_command([ $copier, @copy, '--progress', 'none' ]);
	is("$code$out$err", '0', '--progress none is silent');
	my $answer = json_of((run_command([ $copier, 'measure', @layers, '--format', 'raw' ]))[1]);
	is($answer->{virtual_size}, $bytes, 'measure: virtual size');
	ok(defined $answer->{$_}, "measure: $_") for qw(required bytes_to_read allocated_bytes);
	cmp_ok($answer->{bytes_to_read}, '<=', $bytes - (1 << 20), 'measure: what is zero is not read');

	# a map that nobody reads on ends: there would be half a million lines
	command_ok("$top/build/test-copy/make_chain", 5, $space, qw(layers=1 size=64000000 cluster_bits=9 density=50 base=qcow2 compression=none truncate=0));
	{
		my $begin = time;
		my $lines = command_ok('sh', '-c', "$copier map --layer qcow2:l000.qcow2 2>map-error | head -2; true");
		is(() = $lines =~ /\n/g, 2, 'map, of which two lines are read');
		like(slurp('map-error'), qr/could not write to stdout/, 'ends with a word');
		my ($status) = run_command([ 'sh', '-c', "$copier map --layer qcow2:l000.qcow2 >/dev/full" ]);
		is($status, 1, 'map to a full disk: exit 1');
		unlink 'l000.qcow2', 'map-error';
	}
	is((run_command([ $copier, 'verify', @layers, '--output', 'raw:out' ]))[0], 0, 'verify');
	open my $handle, '+<:raw', 'out';
	sysseek $handle, 6 << 20, 0;
	syswrite $handle, 'X';
	sysseek $handle, 20 << 20, 0;
	syswrite $handle, 'X';
	close $handle;
	($code, $out, $err) = run_command([ $copier, 'verify', @layers, '--output', 'raw:out' ]);
	is($code, 1, 'verify of a changed copy');
	like("$out$err", qr/6291456/, 'names the first difference');
	like("$out$err", qr/top\.qcow2|layer"?:? ?1/, 'and who owns it');
	unlink 'out';
	($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--output', 'raw:out', '--size', $bytes + 65536 ]);
	is($code, 0, '--size larger than the disk') or diag $err;
	is(-s 'out', $bytes + 65536, 'makes it that long');
	command_ok(qw(truncate -s), $bytes + 65536, 'oracle');
	is(compare('out', 'oracle'), 0, 'zero at the end');
	unlink 'out';
	fails('--size smaller than the disk', 3, 'refused', 'copy', @layers, '--output', 'raw:out', '--size', 4096);
}
chdir '/';
done_testing();
