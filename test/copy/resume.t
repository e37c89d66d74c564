#!/usr/bin/perl
# resume.t: copiers killed with -9 at random points, again and again; the result must be exact and
# what is done twice little.
#
#	SEED=n, KILLS=n (about how many in all, default 150)
use strict;
use warnings;
use File::Compare qw(compare);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(time sleep);

my $seed      = $ENV{SEED} // time % 1_000_000;
my $kills     = $ENV{KILLS} // 150;
my $memory    = workspace();
my $disk      = workspace('/tmp');
$seed = int $seed;
srand $seed;
diag("SEED=$seed");

# A chain with real work in it: `size` bytes of which most are data.
sub make_source
{
	my ($dir, $name, $bytes) = @_;
	mkdir "$dir/$name";
	my $folder = "$dir/$name";
	if ($name eq 'flat')
	{
		command_ok(qw(qemu-img create -q -f qcow2), "$folder/l0.qcow2", $bytes);
		command_ok('qemu-io', '-f', 'qcow2', (map { ('-c', "write -q -P " . ($_ % 250 + 1) . ' ' . $_ * 65536 . ' 60k') } 0 .. $bytes / 65536 - 1), "$folder/l0.qcow2");
		return ([ 'qcow2', "$folder/l0.qcow2" ]);
	}
	if ($name eq 'compressed')
	{
		open my $handle, '>:raw', "$folder/text" or die;
		print $handle join '', map { "$_ " . $_ * 7919 % 10007 . "\n" } 1 .. $bytes / 11;
		close $handle;
		truncate "$folder/text", $bytes;
		command_ok(qw(qemu-img convert -q -c -f raw -O qcow2), "$folder/text", "$folder/l0.qcow2");
		unlink "$folder/text";
		return ([ 'qcow2', "$folder/l0.qcow2" ]);
	}
	my @layers = ([ 'raw', "$folder/base.raw" ]);
	command_ok(qw(qemu-img create -q -f raw), "$folder/base.raw", $bytes);
	command_ok('qemu-io', '-f', 'raw', '-c', "write -q -P 1 0 $bytes", "$folder/base.raw");
	for my $i (1 .. 4)
	{
		my $cluster = (qw(64k 4k 64k 512k))[ $i - 1 ];
		command_ok(qw(qemu-img create -q -f qcow2 -o), "cluster_size=$cluster", '-b', $layers[-1][1] =~ s{.*/}{}r, '-F', $layers[-1][0], "$folder/l$i.qcow2");
		command_ok('qemu-io', '-f', 'qcow2', (map { ('-c', 'write -q -P ' . ($i * 40 + $_ % 40) . ' ' . int(rand $bytes / 4096 - 16) * 4096 . ' ' . (1 + int rand 15) * 4096) } 1 .. 150), "$folder/l$i.qcow2");
		push @layers, [ 'qcow2', "$folder/l$i.qcow2" ];
	}
	return @layers;
}

sub test_shape
{
	my ($what, $dir, $layers, $format, $options, $times) = @_;
	my @command = ('copy', (map { ('--layer', "$_->[0]:$_->[1]") } @$layers), '--output', "$format:$dir/out", '--resume', "$dir/out.resume", '--progress', 'json', @$options);
	my $oracle = "$dir/oracle";
	command_ok(qw(qemu-img convert -f), $layers->[-1][0], qw(-O raw), $layers->[-1][1], $oracle);

	# how long a whole copy takes
	my $begin = time;
	my $run   = start_copier(@command);
	my ($code, $err) = $run->finish;
	my $whole = time - $begin;
	is($code, 0, "$what: a copy without disturbance") or do { diag $err; return 0 };
	ok(!-e "$dir/out.resume", "$what: no resume file is left after success");
	unlink "$dir/out", "$dir/out.resume";

	my ($killed, $bad, $again, $total, $rounds) = (0, 0, 0, 0, 0);
	while ($killed < $times)
	{
		$rounds++;
		my $deaths = 1 + int rand 6;
		for (1 .. $deaths)
		{
			my $victim = start_copier(@command);
			sleep rand($whole * 0.8);
			$victim->murder;
			$killed++;
			last if -e "$dir/out" && !-e "$dir/out.resume";    # it was done already
		}
		my $finished = -e "$dir/out" && !-e "$dir/out.resume";
		my $event;
		if (!$finished)
		{
			my $last = start_copier(@command);
			($code, $err) = $last->finish;
			($event) = grep { ($_->{event} // '') eq 'done' } @{ $last->{events} };
			# the process beside the last victim has ended what that had finished
			if ($code == 1 && -e "$dir/out" && !-e "$dir/out.resume")
			{
				like($err, qr/output must not exist yet/, "$what, round $rounds: was finished already");
			}
			elsif ($code != 0 || !$event)
			{
				$bad++;
				diag("$what, round $rounds: exit $code: $err");
			}
			else
			{
				$again += $event->{bytes_again};
				$total += $event->{bytes_done};
			}
		}
		my ($differs, $say) = run_command([ qw(qemu-img compare -f raw -F), $format, $oracle, "$dir/out" ]);
		if ($differs)
		{
			$bad++;
			diag("$what, round $rounds: $say");
		}
		if ($format eq 'qcow2' && (run_command([ qw(qemu-img check -q -f qcow2), "$dir/out" ]))[0] != 0)
		{
			$bad++;
			diag("$what, round $rounds: qemu-img check complains");
		}
		$bad++ if -e "$dir/out.resume";
		unlink "$dir/out", "$dir/out.resume";
	}
	is($bad, 0, "$what: $killed kills, $rounds results exact");
	note("$what: bytes done twice: $again of $total");
	unlink $oracle;
	return $killed;
}

my $bytes   = 24 << 20;
my @chain   = make_source($memory, 'chain', $bytes);
my @flat    = make_source($memory, 'flat', $bytes);
my @packed  = make_source($memory, 'compressed', $bytes);
my @on_disk = make_source($disk, 'chain', $bytes);
my @shapes  = (
	[ 'chain to raw',                 $memory, \@chain,   'raw',   [ '--threads', 1 ] ],
	[ 'chain to raw, rate limited',   $memory, \@chain,   'raw',   [ '--limit', '200M' ] ],
	[ 'chain to qcow2',               $memory, \@chain,   'qcow2', [] ],
	[ 'flat to qcow2, small clusters', $memory, \@flat,   'qcow2', [ '--cluster-size', 4096, '--compat', '0.10' ] ],
	[ 'preallocated',                 $memory, \@flat,    'raw',   ['--preallocate'] ],
	[ 'compressed to raw',            $memory, \@packed,  'raw',   [] ],
	[ 'compressed to qcow2',          $memory, \@packed,  'qcow2', [ '--threads', 2 ] ],
	[ 'on disk, direct',              $disk,   \@on_disk, 'raw',   [ '--io', 'direct', '--no-reflink' ] ],
	[ 'on disk, buffered',            $disk,   \@on_disk, 'qcow2', [ '--io', 'buffered' ] ],
);

my $sum = 0;
SKIP:
{
	skip 'reflink needs root for an XFS loop file', 1 unless $> == 0 && have_command('mkfs.xfs') && have_command('losetup');
	spew("$disk/xfs.img", '');
	truncate "$disk/xfs.img", 400 << 20;
	mkdir "$disk/xfs";
	command_ok(qw(mkfs.xfs -q -f -m reflink=1), "$disk/xfs.img");
	skip 'loop mounts are not permitted here', 1 if (run_command([ qw(mount -o loop), "$disk/xfs.img", "$disk/xfs" ]))[0] != 0;
	my @sharing = make_source("$disk/xfs", 'chain', 32 << 20);
	$sum += test_shape("reflink to $_", "$disk/xfs", \@sharing, $_, [], $kills / 11) for qw(raw qcow2);
	for my $format (qw(raw qcow2))
	{
		my ($out, @command) = ("$disk/xfs/half");
		@command = ('copy', (map { ('--layer', "$_->[0]:$_->[1]") } @sharing), '--output', "$format:$out", '--resume', "$out.resume", '--progress', 'json');
		my $victim = start_copier(@command, '--limit', '5M');
		my $told = $victim->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{checkpoint} // 0) > 4 << 20 });
		$victim->murder;
		my ($code, $text, $err) = run_command([ $copier, @command ]);
		is($code, 0, "reflink to $format goes on") or diag $err;
		my $done = done_event($text);
		is($done->{method}, 'reflink', 'by reflink');
		cmp_ok($done->{bytes_again}, '<=', ($told->{bytes_done} // 0) - $told->{checkpoint} + (6 << 20), 'and not from zero');
		unlink $out;
	}
	run_command([ qw(umount -l), "$disk/xfs" ]);
}
SKIP:
{
	skip 'ext2 needs root for a loop file', 1 unless $> == 0 && have_command('mkfs.ext2') && have_command('losetup');
	spew("$disk/ext2.img", '');
	truncate "$disk/ext2.img", 160 << 20;
	mkdir "$disk/ext2";
	command_ok(qw(mkfs.ext2 -q -F), "$disk/ext2.img");
	skip 'loop mounts are not permitted here', 1 if (run_command([ qw(mount -o loop), "$disk/ext2.img", "$disk/ext2" ]))[0] != 0;
	# no fallocate there, as on NFS before 4.2: blocks come by writing zeroes, which must not come twice
	my ($out, @command) = ("$disk/ext2/out");
	@command = ('copy', (map { ('--layer', "$_->[0]:$_->[1]") } @on_disk), '--output', "raw:$out", '--preallocate', '--resume', "$out.resume", '--progress', 'json');
	my $victim = start_copier(@command, '--limit', '1M');
	my $told = $victim->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{checkpoint} // 0) > 4 << 20 });
	$victim->murder;
	ok($told, 'preallocated by writing, killed after a checkpoint');
	my ($code, $text, $err) = run_command([ $copier, @command ]);
	is($code, 0, 'and begun again') or diag $err;
	# a slow disk syncs late: what was done since the checkpoint comes again, and no more
	cmp_ok(done_event($text)->{bytes_again}, '<=', $told->{bytes_done} - $told->{checkpoint} + (6 << 20), 'from the checkpoint');
	command_ok(qw(qemu-img convert -f qcow2 -O raw), $on_disk[-1][1], "$disk/oracle");
	is(compare($out, "$disk/oracle"), 0, 'is exact');
	cmp_ok((stat $out)[12] * 512, '>=', -s $out, 'and has all of its blocks');
	unlink "$disk/oracle";
	run_command([ qw(umount -l), "$disk/ext2" ]);
}
$sum += test_shape(@$_, $kills / 11) for @shapes;
cmp_ok($sum, '>=', $kills * 0.8, "$sum kills in all");

# ---------- what a resume file must not be believed for ----------
{
	my $out    = "$memory/out";
	my $oracle = "$memory/oracle";
	command_ok(qw(qemu-img convert -f qcow2 -O raw), $chain[-1][1], $oracle);
	my @layers = map { ('--layer', "$_->[0]:$_->[1]") } @chain;
	my @command = ('copy', @layers, '--output', "raw:$out", '--resume', "$out.resume", '--progress', 'json');
	# stops a copy some time after its first checkpoint; returns what its last progress event said
	my $half = sub {
		unlink $out, "$out.resume";
		my $victim = start_copier(@command, '--limit', '5M');
		my $told = $victim->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{checkpoint} // 0) > 0 });
		$victim->murder;
		ok($told && -e $out && -e "$out.resume", 'killed in the middle');
		return $told;
	};
	my $exact = sub {
		my ($what, @arguments) = @_;
		my $run = start_copier(@arguments);
		my ($code, $err) = $run->finish;
		is($code, 0, $what) or diag $err;
		is(compare($out, $oracle), 0, "$what: exact");
		my ($event) = grep { ($_->{event} // '') eq 'done' } @{ $run->{events} };
		unlink $out, "$out.resume";
		return $event;
	};
	my $told  = $half->();
	my $event = $exact->('goes on from the checkpoint', @command);
	# between the event and the kill nearly no time passed: at most 100 ms at 20 MiB/s, and what was under way
	cmp_ok($event->{bytes_again}, '<=', $told->{bytes_done} - $told->{checkpoint} + (6 << 20), 'does twice only what came after it');
	cmp_ok($told->{checkpoint}, '>', 0, 'and it was no beginning from zero');

	$half->();
	# a record that says nothing can't prove that the output is ours: then it is left alone
	my $untouched = sub {
		my ($what) = @_;
		my $before = sha256($out);
		my ($code, undef, $err) = run_command([ $copier, @command ]);
		is($code, 1, "$what: refused") or diag $err;
		is(sha256($out), $before, "$what: the output is left alone");
		unlink $out, "$out.resume";
	};
	my $text = slurp("$out.resume");
	spew("$out.resume", substr $text, 0, length($text) / 2);
	$untouched->('a torn resume file');
	$half->();
	$text = slurp("$out.resume");
	substr($text, $_, 1) ^= "\x01" for int(length($text) / 3), int(length($text) / 2);
	spew("$out.resume", $text);
	$exact->('a resume file with flipped bits', @command);
	$half->();
	spew("$out.resume", '');
	$untouched->('an empty resume file');
	$half->();
	unlink $out;
	$exact->('the output is gone', @command);
	$half->();
	command_ok('cp', $out, "$out.copy");
	rename "$out.copy", $out;
	$untouched->('the output is another file');
	$half->();
	{
		open my $handle, '+<:raw', $out or die;
		truncate $handle, 1 << 20;
	}
	$exact->('the output was cut', @command);
	$half->();
	$exact->('other options', @command, '--preallocate');

	# finished, and nobody has taken the record away: there is nothing left to do
	{
		my $run = start_copier(@command, '--keep-record');
		is(($run->finish)[0], 0, 'a copy with --keep-record');
		ok(-e "$out.resume", 'leaves it');
		my $inode = (stat $out)[1];
		$run = start_copier(@command, '--keep-record');
		is(($run->finish)[0], 0, 'the same command again');
		my ($event) = grep { ($_->{event} // '') eq 'done' } @{ $run->{events} };
		is($event->{bytes_again}, 0, 'copies nothing twice');
		is((stat $out)[1], $inode, 'into the same file');
		$event = $exact->('once more without', @command);
		ok(!-e "$out.resume", 'takes it away');
	}

	# whose the output is: the record knows before the output has its name
	unlink $out, "$out.resume";
	my $nonce  = 0x11223344;
	my $unborn = pack('a32 Q', "vmclone-copy resume record 2\n", $nonce);
	$unborn .= "\0" x (16384 - length $unborn);
	my $hidden = sprintf '%s.%016x.new', $out, $nonce;
	for my $content ('', 'precious')
	{
		spew("$out.resume", $unborn);
		spew($out, $content);
		my $inode = (stat $out)[1];
		$untouched->('a record from before the output, and a file of ' . length($content) . ' bytes');
		spew("$out.resume", $unborn);
		spew($hidden, $content);
		$exact->('killed before the output had its name', @command);
		ok(!-e $hidden, 'and what was there is gone');
	}
	# an inode's number comes again
	for my $dir ($memory, $disk)
	{
		my ($file, $same) = ("$dir/again");
		my @here = map { s/\Q$out\E/$file/r } @command;
		my $victim = start_copier(@here, '--limit', '5M');
		$victim->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{checkpoint} // 0) > 0 });
		$victim->murder;
		my $inode = (stat $file)[1];
		unlink $file;
		for (1 .. 20)
		{
			spew($file, 'somebody else');
			$same = (stat $file)[1] == $inode;
			last if $same;
			rename $file, "$file.$_";
		}
	  SKIP:
		{
			skip "inodes' numbers don't come again on $dir", 2 if !$same;
			my ($code, undef, $err) = run_command([ $copier, @here ]);
			is($code, 1, 'another file with the number of the output: refused') or diag $err;
			is(slurp($file), 'somebody else', 'and left alone');
		}
		unlink $file, "$file.resume", glob "$file.*";
	}
	# the record's own temporary name
	unlink $out, "$out.resume";
	spew("$out.resume.new", 'precious');
	my ($taken, undef, $why) = run_command([ $copier, @command ]);
	is($taken, 1, 'somebody else has the temporary name of the record') or diag $why;
	is(slurp("$out.resume.new"), 'precious', 'and keeps it');
	for my $left ('', "\0" x 16384, substr($unborn, 0, 4096))
	{
		spew("$out.resume.new", $left);
		$exact->('what a killed copier leaves under it is taken away', @command);
		ok(!-e "$out.resume.new", 'and nothing is left');
	}

	# killed at every call that makes, names, writes or syncs something, until the data moves
  SKIP:
	{
		skip 'strace is not here', 1 if !have_command('strace');
		my ($deaths, $bad) = (0, 0);
		for my $calls ([ 'openat,renameat2,unlinkat', 24 ], [ 'pwrite64,ftruncate,fallocate', 10 ], [ 'fsync,fdatasync', 8 ])
		{
			my ($call, $last) = @$calls;
			for my $nth (1 .. $last)
			{
				my ($code) = run_command([ qw(strace -f -qq -o /dev/null -e), "trace=$call", '-e', "inject=$call:signal=KILL:when=$nth", $copier, @command ]);
				next if $code == 0 && (unlink $out, 1);
				$deaths++;
				my ($again, undef, $err) = run_command([ $copier, @command ]);
				# killed between the last sync and the removal of the record, or after it
				my $done = $again != 0 && -e $out && !-e "$out.resume";
				my @left = grep { $_ ne $out } glob "$out*";
				if (($again != 0 && !$done) || compare($out, $oracle) != 0 || @left)
				{
					$bad++;
					diag("killed at $call number $nth: exit $again: $err; left: @left");
				}
				unlink $out, @left;
			}
		}
		is($bad, 0, "killed at $deaths calls one by one: exact, and nothing left");
		cmp_ok($deaths, '>', 15, 'which were many');
	}

	# the process beside a killed copier, which is to remove its files, is slow: the next copier has gone on with them
	{
		$half->();
		my $victim = start_copier(@command, '--limit', '1M');
		$victim->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{bytes_done} // 0) > 0 });
		my ($remover) = slurp("/proc/$victim->{pid}/task/$victim->{pid}/children") =~ /(\d+)/;
		kill 'STOP', $remover;
		kill 'TERM', $victim->{pid};
		sleep 0.5;
		$victim->murder;
		my $next = start_copier(@command, '--limit', '5M');
		$next->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{bytes_done} // 0) > 0 });
		kill 'CONT', $remover;
		for (1 .. 100)
		{
			last if !-e "/proc/$remover/cwd";
			sleep 0.05;
		}
		my ($code, $err) = $next->finish;
		is($code, 0, 'a slow process beside a killed copier: the next one goes on') or diag $err;
		ok(-e $out && compare($out, $oracle) == 0, 'and its output is exact, and there');
		is(join(' ', grep { $_ ne $out } glob "$out*"), '', 'and nothing else is left');
		unlink $out;
	}
  SKIP:
	{
		skip 'strace is not here', 3 if !have_command('strace');
		$half->();
		my $next = start_program(qw(strace -f -qq -o /dev/null -e trace=fcntl -e inject=fcntl:delay_enter=1500000:when=1), $copier, @command);
		sleep 0.7;
		unlink $out, "$out.resume";
		my ($code, $err) = $next->finish;
		is($code, 0, 'the record is gone when it is locked: the copy begins again') or diag $err;
		ok(-e $out && compare($out, $oracle) == 0, 'exact');
		is(join(' ', grep { $_ ne $out } glob "$out*"), '', 'nothing left');
		unlink $out;
	}

	# no record beside a finished output: it would say, after a kill, that the output isn't ours and unfinished
  SKIP:
	{
		skip 'strace is not here', 3 if !have_command('strace');
		command_ok('cp', $oracle, $out);
		for my $nth (1 .. 3)
		{
			run_command([ qw(strace -f -qq -o /dev/null -e trace=fsync -e), "inject=fsync:signal=KILL:when=$nth", $copier, @command ]);
			is(join(' ', glob "$out*"), $out, "killed at sync number $nth: only the output is there");
			unlink grep { $_ ne $out } glob "$out*";
		}
		unlink $out;
	}

	# a file system that can't rename without replacing (NFS): no link that would leave a name .nfs…
  SKIP:
	{
		skip 'strace is not here', 3 if !have_command('strace');
		my ($code, undef, $err) = run_command([ qw(strace -f -qq -o), "$memory/trace", '-e', 'trace=renameat2,renameat,linkat', '-e', 'inject=renameat2:error=EINVAL', $copier, @command ]);
		is($code, 0, 'without renameat2') or diag $err;
		is(join(' ', slurp("$memory/trace") =~ /\b(renameat|linkat)\([^\n]*= 0$/mg), 'renameat renameat renameat', 'record, output and the record that is done with are renamed');
		is(compare($out, $oracle), 0, 'exact');
		is(join(' ', grep { $_ ne $out } glob "$out*"), '', 'nothing left');
		unlink $out, "$memory/trace";
	}

	# a layer that changed: nothing of the old half may stay
	$half->();
	command_ok('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 99 0 1M', $chain[-1][1]);
	command_ok(qw(qemu-img convert -f qcow2 -O raw), $chain[-1][1], $oracle);
	$exact->('a layer changed meanwhile', @command);

	# two at once: the second must not touch the file of the first
	unlink $out, "$out.resume";
	my $first = start_copier(@command, '--limit', '5M');
	ok($first->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{bytes_done} > 0 }), 'one at work');
	my ($code, undef, $err) = run_command([ $copier, @command ]);
	is($code, 1, 'a second one is refused') or diag $err;
	like($err, qr/in use|lock/, 'as busy');
	ok(-e $out, 'and leaves the file alone');
	ok(-e "$out.resume", 'and the record');
	$first->tell('limit 0');
	($code, $err) = $first->finish;
	is($code, 0, 'the first ends well') or diag $err;
	is(compare($out, $oracle), 0, 'and exact');

	unlink "$out.resume";

	# the disk is full: what there is stays, and it goes on when there is space
  SKIP:
	{
		skip 'a small tmpfs needs root', 1 if $> != 0;
		my $small = "$memory/small";
		mkdir $small;
		skip 'mount is not permitted here', 1 if (run_command([ qw(mount -t tmpfs -o size=16m none), $small ]))[0] != 0;
		my @full = ('copy', @layers, '--output', "raw:$small/out", '--resume', "$small/out.resume");
		my ($full, undef, $why) = run_command([ $copier, @full ]);
		is($full, 1, 'disk full with --resume') or diag $why;
		ok(-e "$small/out", 'output is kept: there is something to go on from');
		command_ok(qw(mount -o), 'remount,size=128m', $small);
		($full, undef, $why) = run_command([ $copier, @full ]);
		is($full, 0, 'with space it goes on') or diag $why;
		is(compare("$small/out", $oracle), 0, 'and is exact');
		run_command([ qw(umount -l), $small ]);
	}

	# --resume names some other file
	unlink $out;
	spew("$memory/notes", 'precious');
	my ($foreign, undef, $said) = run_command([ $copier, 'copy', @layers, '--output', "raw:$out", '--resume', "$memory/notes" ]);
	is($foreign, 1, 'a file that is no record') or diag $said;
	is(slurp("$memory/notes"), 'precious', 'is left alone');
	($code) = run_command([ $copier, @command ]);
	is($code, 0, 'a whole copy');

	# --resume names another output's record: it is that one's
	{
		unlink $out, "$out.resume";
		my $killed = start_copier(qw(copy), @layers, '--output', "raw:$memory/first", '--resume', "$memory/record", qw(--limit 1M --progress json));
		ok($killed->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{bytes_done} > 0 }), 'a copy with a record');
		kill 'KILL', $killed->{pid};
		$killed->finish(60);
		ok(-e "$memory/first" && -e "$memory/record", 'is killed');
		my ($other, undef, $words) = run_command([ $copier, 'copy', @layers, '--output', "raw:$memory/second", '--resume', "$memory/record" ]);
		is($other, 1, 'the record with another output is refused');
		like($words, qr/resume record was made for another output than ".*second"; go on with that one, or remove both/, 'and said so');
		ok(-e "$memory/first" && -e "$memory/record" && !-e "$memory/second", 'nothing is lost, nothing is made');
		mkdir "$memory/elsewhere";
		($other, undef, $words) = run_command([ $copier, 'copy', @layers, '--output', "raw:$memory/first", '--resume', "$memory/record" ]);
		is($other, 0, 'its own goes on') or diag $words;
		is(compare("$memory/first", $oracle), 0, 'and is exact');
		unlink "$memory/first";
		($code) = run_command([ $copier, @command ]);
		is($code, 0, 'a whole copy again');
	}

	# done is done
	my ($again) = run_command([ $copier, @command ]);
	unlink "$out.resume" if $again != 0;
	isnt($again, 0, 'a finished output is not begun anew');
	is(compare($out, $oracle), 0, 'and stays');
}
done_testing();
