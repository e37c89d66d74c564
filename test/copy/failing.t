#!/usr/bin/perl
# failing.t: storage that fails under the copier: unreadable blocks in a layer, writes that are lost
# until fsync tells, a layer that changes meanwhile.
use strict;
use warnings;
use File::Compare qw(compare);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $space = workspace('/tmp');
chdir $space or die;

# ---------- a layer that changes ----------
command_ok(qw(qemu-img create -q -f raw base.raw 8M));
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', 'base.raw');
command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 2 1M 2M', 'top.qcow2');
my @layers = qw(--layer raw:base.raw --layer qcow2:top.qcow2);

# qemu is kept away by the copier's locks; who heeds none is not
sub write_without_lock
{
	open(my $base, '+<', 'base.raw') or die "cannot open base.raw: $!";
	print {$base} "\x09" x 4096 or die "cannot write base.raw: $!";
	close $base or die "cannot write base.raw: $!";
	return;
}
for my $change (
	[ 'is written to' => \&write_without_lock ],
	[ 'is touched'    => sub { utime time + 5, time + 5, 'base.raw' } ],
	[ 'grows'         => sub { truncate 'base.raw', 9 << 20; truncate 'base.raw', (8 << 20) + 4096 } ],
	[ 'is cut'        => sub { truncate 'base.raw', 4 << 20 } ])
{
	my ($what, $do) = @$change;
	my $run = start_copier('copy', @layers, '--output', 'raw:out', '--limit', '1M', '--no-reflink', '--progress', 'json');
	ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{phase} // '') eq 'data' }), 'at work');
	$run->tell('pause');
	$do->();
	$run->tell('limit 0');
	$run->tell('resume');
	my ($code, $err) = $run->finish;
	isnt($code, 0, "a layer $what while it is copied: no success") or diag $err;
	my ($event) = grep { ($_->{event} // '') eq 'error' } @{ $run->{events} };
	like($event->{kind} // '', qr/source_changed|io/, 'and says so');
	ok(!-e 'out', 'nothing left');
	unlink 'out';
	truncate 'base.raw', 8 << 20;
}

# ---------- the output is locked while it is written ----------
{
	my $run = start_copier('copy', @layers, '--output', 'raw:out', '--limit', '1M', '--no-reflink', '--progress', 'json');
	$run->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{phase} // '') eq 'data' });
	my ($code, undef, $err) = run_command([ qw(qemu-io -f raw -c), 'write 0 512', 'out' ]);
	isnt($code, 0, 'qemu may not write to the output of a copy at work');
	like($err, qr/lock/, 'because of its lock');
	$run->tell('limit 0');
	($code, $err) = $run->finish;
	is($code, 0, 'which ends well') or diag $err;
	unlink 'out';
}

# ---------- each call that storage can refuse ----------
SKIP:
{
	skip 'strace is not here', 1 if !have_command('strace');
	skip 'sanitizers and strace exclude each other', 1 if $copier =~ /sanitize/;
	command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 expected));
	my $memory = workspace();
	# how often the copier itself, its threads and the process that removes files make the call
	my $failures = sub {
		my ($what, $call, $error, @options) = @_;
		my ($format) = $options[1] =~ /^(\w+):/;
		for my $nth (1 .. 24)
		{
			unlink glob "$memory/out*";
			my ($code, undef, $err) =
				run_command([ qw(strace -f -qq -o), "$memory/trace", '-e', "trace=$call", '-e', "inject=$call:error=$error:when=$nth", $copier, 'copy', @layers, '--no-reflink', @options ], timeout => 30);
			last if slurp("$memory/trace") !~ /INJECTED/;
			next if $code == 127;    # the libraries were not loaded
			my $kept = $code == 1 && "@options" =~ /--resume/;
			my @problems;
			push @problems, "exit $code" if $code != 0 && $code != 1;
			# the copier's, and that of the process beside it if that had an error, too
			my $reasons = () = slurp("$memory/trace") =~ /INJECTED/g;
			push @problems, 'no reason' if $code != 0 && $err !~ /^(?:vmclone-copy: \S.*\n){1,$reasons}\z/;
			push @problems, 'left: ' . join ' ', glob("$memory/out*") if $code != 0 && !$kept && glob("$memory/out*");
			push @problems, 'a temporary file is left' if glob("$memory/*.new");
			if ($kept)
			{
				($code, undef, $err) = run_command([ $copier, 'copy', @layers, '--no-reflink', @options ]);
				push @problems, "does not go on: $err" if $code != 0;
			}
			push @problems, 'not the same' if $code == 0 && (run_command([ qw(qemu-img compare -q -f raw -F), $format, 'expected', "$memory/out" ]))[0] != 0;
			ok(!@problems, "$what: $call number $nth: $error") or diag join("\n", @problems), "\n$err";
		}
		return;
	};
	for my $way (
		[ 'to raw',                qw(--output raw:OUT) ],
		[ 'to raw, preallocated',  qw(--output raw:OUT --preallocate --io buffered) ],
		[ 'to qcow2 with record',  qw(--output qcow2:OUT --verify --resume OUT.resume) ])
	{
		my ($what, @options) = @$way;
		s{OUT}{$memory/out} for @options;
		$failures->($what, $_, 'EIO', @options) for qw(fcntl lseek pread64 preadv preadv2 ftruncate renameat2 sendmsg);
		$failures->($what, $_, 'EINTR', @options) for qw(pread64 preadv preadv2 pwrite64 pwritev fallocate);
		$failures->($what, $_, 'ENOSPC', @options) for qw(pwrite64 pwritev fallocate fsync fdatasync);
		$failures->($what, 'pwrite64', $_, @options) for qw(EDQUOT EFBIG);
	}
}

# ---------- the rest needs loop devices ----------
SKIP:
{
	skip 'loop devices and mounts need root', 1 if $> != 0 || !have_command('losetup');

	# reads past the end of a loop device's file fail with EIO
	command_ok('cp', 'base.raw', 'bad.img');
	my ($code, $loop) = run_command([ 'losetup', '--show', '-f', 'bad.img' ]);
	skip 'loop devices are not permitted here', 1 if $code != 0;
	chomp $loop;
	truncate 'bad.img', 4 << 20;
	for my $io (qw(direct buffered))
	{
		for my $output ('raw', 'qcow2')
		{
			my ($result, $out, $err) = run_command([ $copier, 'copy', '--layer', "raw:$loop", '--output', "$output:out", '--io', $io, '--progress', 'json' ]);
			is($result, 1, "unreadable blocks, $io, to $output") or diag $err;
			my $event = error_event($out);
			is($event->{kind},  'io',  'kind');
			is($event->{errno}, 'EIO', 'errno');
			is($event->{path},  $loop, 'the path of the layer');
			cmp_ok($event->{offset} // -1, '>=', (4 << 20) - (2 << 20), 'the place');
			ok(!-e 'out', 'nothing left');
			unlink 'out';
		}
	}

	# a loop device whose file has no room: writes go into the page cache, and fsync fails
	mkdir 'small';
	skip 'mounts are not permitted here', 1 if (run_command([ qw(mount -t tmpfs -o size=4m none small) ]))[0] != 0;
	spew('small/thin.img', '');
	truncate 'small/thin.img', 16 << 20;
	my $thin = command_ok('losetup', '--show', '-f', 'small/thin.img') =~ s/\s+//r;
	command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', 'base.raw');
	command_ok(qw(qemu-img convert -f qcow2 -O raw top.qcow2 expected));
	truncate 'expected', 16 << 20;
	for my $io (qw(buffered direct))
	{
		my @command = ('copy', @layers, '--output', "raw:$thin", '--io', $io, '--resume', 'thin.resume', '--progress', 'json');
		my ($result, $out, $err) = run_command([ $copier, @command ]);
		is($result, 1, "lost writes, $io: exit 1") or diag $err;
		ok(!done_event($out), 'never said done');
		command_ok('mount', '-o', 'remount,size=64m', "$space/small");
		# the kernel tells an error of earlier write-back to the next who syncs, once
		for (1 .. 2)
		{
			($result, $out, $err) = run_command([ $copier, @command ]);
			last if $result == 0;
		}
		is($result, 0, 'begun again where there is room') or diag $err;
		is(sha256($thin), sha256('expected'), 'exact: nothing before the failed sync was believed');
		unlink 'thin.resume';
		command_ok('blkdiscard', '-z', $thin);
		command_ok('fallocate', '--punch-hole', '-l', 16 << 20, 'small/thin.img');
		command_ok('mount', '-o', 'remount,size=4m', "$space/small");
	}
}
chdir '/';
done_testing();
