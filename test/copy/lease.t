#!/usr/bin/perl
# lease.t: a copier that nobody talks to any more ends, and one that was stopped longer than its lease writes not one byte
# when it goes on: files, names, a loop device, right before each call that writes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(sleep time clock_gettime);

use constant CLOCK_BOOTTIME => 7;
my $seed = int($ENV{SEED} // time % 1_000_000);
srand $seed;
diag("SEED=$seed");
my $space = workspace();
my $slow  = "$top/build/test-copy/slow_calls.so";
my $size  = 32 << 20;
command_ok(qw(qemu-img create -q -f raw), "$space/base.raw", $size);
command_ok(qw(qemu-io -f raw -c), "write -q -P 1 0 $size", "$space/base.raw");
my $domain = '7b5e0f5e-1111-4222-8333-944444444444';
my @identity = ('--storage-domain', $domain, '--token', 't');

sub clock { return int(1000 * clock_gettime(CLOCK_BOOTTIME)) }
sub layers { return ('--layer', "raw:$space/base.raw") }
sub copy_to { my ($to, @more) = @_; return ('copy', layers(), '--output', "raw:$to", qw(--progress json), @more) }

# Tells the newest clock for so many seconds.
sub beat_for
{
	my ($run, $seconds, $done) = @_;
	my $until = time + $seconds;

	while (time < $until)
	{
		my $event = $run->wait_for(sub { 1 }, 0.2) // next;
		$run->tell("beat $event->{clock}") if $event->{clock};
		return 1 if $done && $done->($event);
	}
	return !$done;
}

# Stops them, and comes back when no thread runs.
sub stop_all
{
	my ($pid) = @_;
	my (@family, $running);

	do
	{
		@family = family($pid);
		kill 'STOP', @family;
		sleep 0.005;
		$running = grep { one_line($_) !~ /^(?:$|\d+ \(.*\) [TtZX] )/ } map { glob "/proc/$_/task/*/stat" } family($pid);
	} while ($running || @family != scalar(() = family($pid)));
	return @family;
}

# ---------- heard ----------
{
	my $run = start_copier(qw(--lease 1), copy_to("$space/out", qw(--limit 8M)));
	ok(beat_for($run, 30, sub { $_[0]{event} eq 'done' }), 'with beats a copy outlives its lease');
	my ($code, $err) = $run->finish(10);
	is("$code$err", '0', 'to its end');
	cmp_ok($run->{events}[-1]{elapsed}, '>', 2, 'which took more than twice of it');
	is((run_command([ qw(qemu-img compare -q -f raw -F raw), "$space/base.raw", "$space/out" ]))[0], 0, 'and is right');
	unlink "$space/out";

	# pause is no reason to end, nor is a copy in steps, whose beats come in halves
	mkdir "$space/domain" or die;
	is((volume(attach => '--path', "$space/domain", '--roots', $space, @identity))[0], 0, 'a storage domain');
	my $id    = '11111111-2222-4333-8444-000000000001';
	my @names = ('--root', "$space/domain", '--disk', $id, '--image', $id);
	my @steps = (qw(sequence volume create), @names, '--domain', $domain, '--size', $size, qw(--format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA),
		'--then', copy_to("$space/domain/images/$id/$id.part", '--resume', "$space/domain/images/$id/$id.part.resume", '--keep-record'), '--then', qw(volume commit), @names);
	{
		local $ENV{LD_PRELOAD} = $slow;
		local $ENV{SLOW_CALLS} = 'renameat=1500 renameat2=1500';
		$run = start_copier(qw(--lease 1), @steps);
	}
	$run->tell($_) for 'limit 1000', 'pause', 'resume', 'limit 0';
	ok(beat_for($run, 20, sub { ($_[0]{event} // '') eq 'alive' }), 'a step tells that it lives');
	beat_for($run, 60, sub { ($_[0]{event} // '') eq 'done' });
	is($run->{events}[-1]{event}, 'done', 'the copy obeys what was said before it began');
	beat_for($run, 60, sub { $_[0]{ok} });
	($code, $err) = $run->finish(10);
	is("$code$err", '0', 'steps slower than the lease, too');
	is((run_command([ qw(qemu-img compare -q -f raw -F raw), "$space/base.raw", "$space/domain/images/$id/$id" ]))[0], 0, 'a whole volume');
}

# ---------- not heard ----------
{
	my %silent = (
		'silence'           => sub { },
		'old clocks'        => sub { my ($run, $clock) = @_; $run->tell("beat $clock") },
		'clocks to come'    => sub { my ($run) = @_; $run->tell('beat ' . (clock() + 60_000)) },
		'what is no number' => sub { my ($run) = @_; $run->tell($_) for 'beat', 'beat x', 'beat -1', 'beat 99999999999999999999999', 'beat 0x1' });
	for my $name (sort keys %silent)
	{
		my $begun = clock();
		my $run = start_copier(qw(--lease 2 --beat), $begun, copy_to("$space/silent", '--limit', '1M', '--resume', "$space/silent.record"));
		while (clock() < $begun + 1500)
		{
			$silent{$name}->($run, $begun);
			sleep 0.1;
		}
		my ($code, $err) = $run->finish(20);
		my $lived = clock() - $begun;
		is("$code $run->{events}[-1]{kind}", '4 lease', "$name: the copier ends");
		cmp_ok($lived, '>=', 2000, 'not before its lease');
		like($err, qr/nothing was heard for 2 seconds/, 'and says why');
		ok(-s "$space/silent" && -s "$space/silent.record", 'it leaves what it has done');
		is((run_command([ $copier, copy_to("$space/silent", '--resume', "$space/silent.record") ]))[0], 0, 'for another one to go on with');
		is((run_command([ qw(qemu-img compare -q -f raw -F raw), "$space/base.raw", "$space/silent" ]))[0], 0, 'to the right end');
		unlink glob "$space/silent*";
	}

	# over before it began, as a request that was long on its way
	my ($code, $out) = run_command([ $copier, qw(--lease 5 --beat), clock() - 5001, copy_to("$space/late", '--resume', "$space/late.record") ]);
	is($code . ' ' . error_event($out)->{kind}, '4 lease', 'a lease that is over');
	ok(!glob("$space/late*"), 'nothing is done under it');
	my $server = start_copier('serve', '--root', $space);
	my $ready = $server->wait_for(sub { $_->{event} eq 'ready' }, 20);
	sleep 1.2;
	$server->send(request(qw(--lease 1), '--beat', $ready->{clock}, copy_to("$space/late", '--root', $space)));
	($code) = $server->finish(20);
	is("$code $server->{events}[1]{kind} $server->{events}[2]{event}", '4 lease ended', 'nor under that of a late request');
	$server = start_copier('serve', '--root', $space);
	$server->wait_for(sub { $_->{event} eq 'ready' }, 20);
	sleep 1.2;
	$server->send(request(qw(--lease 1), copy_to("$space/late", '--root', $space)));
	($code) = $server->finish(20);
	is("$code $server->{events}[1]{kind} $server->{events}[2]{event}", '4 lease ended', 'which counts from the clock of ready anyway');
	ok(!glob("$space/late*"), 'nothing is done');

	for my $wrong ([qw(--lease 0)], [qw(--lease x)], [qw(--lease 86401)], [qw(--lease -1)], [ qw(--lease 5 --beat), clock() + 60_000 ], [qw(--beat 5)], [qw(--lease)])
	{
		is((run_command([ $copier, @$wrong, copy_to("$space/late") ]))[0], 2, "@$wrong: usage");
	}
	is((run_command([ $copier, qw(--lease 5), @$_ ]))[0], 2, "not for $_->[0]") for
	  [ 'measure', layers(), qw(--format raw) ], [ 'map', layers() ],
	  [ 'copy', layers(), '--output', "raw:$space/late" ];
	ok(!glob("$space/late*"), 'nothing is done');
}

# ---------- stopped ----------
# The file or device gets another content while the copier is stopped, as from one that has the task now: it must stay so.
sub overwrite
{
	my ($path, $length) = @_;
	my $block = 'N' x (1 << 20);

	open my $handle, '+<:raw', $path or die "$path: $!";
	for (my $at = 0; $at < $length; $at += 1 << 20)
	{
		print {$handle} $length - $at < 1 << 20 ? substr($block, 0, $length - $at) : $block or die;
	}
	close $handle or die;
	return;
}

# Bytes that are something else.
sub changed
{
	my ($path) = @_;
	my $count = 0;

	open my $handle, '<:raw', $path or die "$path: $!";
	while (sysread $handle, my $bytes, 1 << 20)
	{
		$count += length($bytes) - ($bytes =~ tr/N//);
	}
	return $count;
}

# Starts as many copies, stops each at another time, past the lease or without one, and lets all go on: bytes that each writes then.
sub written_when_going_on
{
	my ($lease, @targets) = @_;
	my (@runs, %files);

	for my $target (@targets)
	{
		my $record = ($target =~ s{^/dev/(?=loop)}{$space/}r) . '.record';
		my $run = start_copier(@$lease, copy_to($target, '--limit', '16M', '--resume', $record, rand() < .5 ? () : '--no-reflink', '--threads', 1 + int rand 8));
		$run->{target} = $target;
		push @runs, $run;
	}
	sleep 0.1;
	for my $run (@runs)
	{
		sleep rand 0.1;
		$run->{family} = [ stop_all($run->{pid}) ];
	}
	sleep 1.3;
	for my $run (@runs)
	{
		my $length = -b $run->{target} ? $size : -s $run->{target} // 0;
		overwrite($run->{target}, $length) if $length;
	}
	kill 'CONT', @{ $_->{family} } for @runs;
	if (!@$lease)
	{
		sleep 0.5;
		kill 'KILL', reverse @{ $_->{family} } for @runs;
	}
	my @ends = map { [ $_->finish(20) ] } @runs;
	is(join(q( ), map { $_->[0] } @ends), join(q( ), (4) x @runs), "all have ended") || diag(map { $_->[1] } @ends) if @$lease;
	return map { -e $_->{target} ? changed($_->{target}) : 0 } @runs;
}

sub test_stopped
{
	my ($where, @targets) = @_;

	my @counts = written_when_going_on([qw(--lease 1)], @targets);
	is("@counts", join(' ', (0) x @targets), "$where: not one byte after the lease");
	-b || unlink for @targets;
	unlink glob "$space/*.record";
	@counts = written_when_going_on([], @targets);
	cmp_ok(scalar(grep { $_ > 0 } @counts), '>', 0, "$where: without a lease there are (" . join(' ', @counts) . ')');
	-b || unlink for @targets;
	unlink glob "$space/*.record";
	return;
}
my $disk = workspace('/tmp');
test_stopped('files in memory', map { "$space/stopped$_" } 1 .. 8);
test_stopped('files on disk', map { "$disk/stopped$_" } 1 .. 8);
SKIP:
{
	my @loops = ();
	for (1 .. 4)
	{
		truncate spew("$disk/device$_", ''), $size or die;
		my ($code, $name) = run_command([ qw(losetup -f --show), "$disk/device$_" ]);
		push @loops, $name =~ s/\n//r if $code == 0;
	}
	skip 'no loop devices here', 3 unless @loops == 4;
	test_stopped('block devices', @loops);
	run_command([ 'losetup', '-d', $_ ]) for @loops;
}

# Right before a call that writes: names, sizes and contents of all files stay as they were when the lease ended.
sub contents { my ($directory) = @_; return (run_command([ 'sh', '-c', "cd $directory && find . -printf '%p %y %s %T@\\n' | sort; find . -type f -exec sha256sum {} + | sort" ]))[1] }

my $number = 10;
for my $call ('pwrite64', 'renameat', 'renameat2', 'unlinkat')
{
	my %ends;
	for my $lease ([qw(--lease 1)], [])
	{
		my $id    = sprintf '11111111-2222-4333-8444-%012d', ++$number;
		my @names = ('--root', "$space/domain", '--disk', $id, '--image', $id);
		my $part  = "$space/domain/images/$id/$id.part";
		my @create = ('volume', 'create', @names, '--domain', $domain, '--size', $size, qw(--format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA));
		my @copy   = copy_to($part, '--resume', "$part.resume", '--no-reflink', '--threads', 4);
		my @command = $call eq 'unlinkat' ? @copy : ('sequence', @create, '--then', @copy, '--keep-record', '--then', qw(volume commit), @names);
		run_command([ $copier, @create ]) if $call eq 'unlinkat';
		my $run;
		{
			local $ENV{LD_PRELOAD} = $slow;
			local $ENV{SLOW_CALLS} = "$call=700";
			$run = start_copier(@$lease, @command);
		}
		# what a cancelled copy leaves is removed by a process of its own
		if ($call eq 'unlinkat')
		{
			$run->wait_for(sub { $_->{event} eq 'phase' && $_->{phase} eq 'data' }, 20);
			$run->tell('cancel');
		}
		sleep 0.35;
		my @family = stop_all($run->{pid});
		sleep 1.2;
		my $before = contents("$space/domain");
		kill 'CONT', @family;
		sleep 1.5 unless @$lease;
		kill 'KILL', reverse @family unless @$lease;
		my ($code) = $run->finish(20);
		$ends{ @$lease ? 'with' : 'without' } = contents("$space/domain") eq $before ? 'nothing' : 'something';
	}
	is_deeply(\%ends, { with => 'nothing', without => 'something' }, "stopped right before $call: what is done afterwards, with a lease and without");
}
done_testing();
