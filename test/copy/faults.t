#!/usr/bin/perl
# faults.t: three hosts, each a network namespace with an sshd and the storage at a path of its own, and whoever gives them copies:
# links are cut, sshd, serve and copiers killed, either side stopped longer than the lease.  A task goes to another host when
# the first one has said that it has ended or its lease and a margin are over.  No two write at a time; results are right.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use SshHost;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'network namespaces need root, ip and sshd' unless $> == 0 && have_command('ip') && -x '/usr/sbin/sshd' && have_command('ssh');
plan skip_all => 'no network namespace can be made here' if (run_command([qw(unshare --net true)]))[0] != 0;
my $seed = int($ENV{SEED} // time % 1_000_000);
srand $seed;
diag("SEED=$seed");
my $jobs   = $ENV{JOBS}   // 4;    # at a time, every other one to a block device
my $faults = $ENV{FAULTS} // 3;    # in each
my ($lease, $margin) = (3, 1);
my $size  = 24 << 20;
my $space = workspace('/tmp');
my $main  = $$;
my $prefix = "vmct$$";
my @hosts;
my @undo;

END
{
	if ($$ == $main)
	{
		local $?;
		$_ && $_->stop for @hosts;
		run_command($_) for reverse @undo;
	}
}

sub do_and_undo { my ($do, $undo) = @_; command_ok(@$do); push @undo, $undo; return }

# ---------- the hosts ----------
mkdir "$space/storage" or die;
command_ok(qw(qemu-img create -q -f qcow2), "$space/storage/base.qcow2", $size);
command_ok(qw(qemu-io -f qcow2 -c), "write -q -P 3 0 $size", "$space/storage/base.qcow2");
command_ok(qw(qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2), "$space/storage/top.qcow2");
command_ok(qw(qemu-io -f qcow2), map({ ('-c', "write -q -P " . (4 + $_) . " ${\($_ * 900)}k 300k") } 1 .. 20), "$space/storage/top.qcow2");
command_ok(qw(qemu-img convert -f qcow2 -O raw), "$space/storage/top.qcow2", "$space/oracle");
do_and_undo([ qw(ip netns add), "$prefix-c" ], [ qw(ip netns del), "$prefix-c" ]);
for my $number (1 .. 3)
{
	my $name = "$prefix-$number";
	my $root = "$space/host$number";

	do_and_undo([ qw(ip netns add), $name ], [ qw(ip netns del), $name ]);
	command_ok(qw(ip -n), "$prefix-c", qw(link add), "to$number", qw(type veth peer name eth0 netns), $name);
	command_ok(qw(ip -n), "$prefix-c", qw(addr add), "10.99.$number.1/24", 'dev', "to$number");
	command_ok(qw(ip -n), "$prefix-c", qw(link set), "to$number", 'up');
	command_ok(qw(ip -n), $name, qw(addr add), "10.99.$number.2/24", qw(dev eth0));
	command_ok(qw(ip -n), $name, qw(link set), $_, q(up)) for qw(lo eth0);
	mkdir $root or die;
	do_and_undo([ qw(mount --bind), "$space/storage", $root ], [ qw(umount -l), $root ]);
	push @hosts, SshHost->new(where => "$space/ssh$number", roots => [$root], options => [ qw(--provision /bin/false --state), $root, '--allow-loop' ], address => "10.99.$number.2", netns => $name);
	@{ $hosts[-1] }{qw(name root)} = ($name, $root);
}

# Processes that copy for a claim of that job up to this one, and could write now: not those that are stopped.
sub writers
{
	my ($job, $claim) = @_;
	my @found;

	for my $process (glob '/proc/[0-9]*')
	{
		next unless (readlink("$process/exe") // '') eq $copier;
		my @arguments = split /\0/, one_line("$process/cmdline");
		my %open = map { (readlink($_) // '') => 1 } glob "$process/fd/*";
		next unless grep { m{/\Q$job->{name}\E(?:\.record)?$} || $_ eq $job->{target} } keys %open;
		push @found, "$process " . one_line("$process/stat") =~ s/^\d+ \(.*\) (\S).*/$1/sr if one_line("$process/stat") !~ /^(?:$|\d+ \(.*\) [TtZX] )/;
	}
	return @found;
}

# ---------- what goes wrong ----------
sub copiers_of { my ($host) = @_; return grep { (readlink("/proc/$_/exe") // '') eq $copier } $host->processes }

# Stopped for longer than the lease, by a process of its own.
sub stop_for_a_while
{
	my (@pids) = @_;
	my $pid = fork // die;

	return if $pid;
	kill 'STOP', @pids;
	sleep $lease + 1 + rand 2;
	kill 'CONT', @pids;
	POSIX::_exit(0);
}

my %faults = (
	'link'   => sub {
		my ($host) = @_;
		my $pid = fork // die;
		return if $pid;
		run_command([ qw(ip -n), $host->{name}, qw(link set eth0 down) ]);
		sleep $lease + rand 2;
		run_command([ qw(ip -n), $host->{name}, qw(link set eth0 up) ]);
		POSIX::_exit(0);
	},
	'sshd killed'   => sub { my ($host) = @_; my %copiers = map { $_ => 1 } copiers_of($host); kill 'KILL', grep { !$copiers{$_} } $host->processes },
	'client killed' => sub { my ($host, $run) = @_; kill 'KILL', $run->{pid} },
	'copier killed' => sub { my ($host) = @_; my @copiers = copiers_of($host); kill 'KILL', $copiers[ rand @copiers ] if @copiers },
	'client stopped' => sub { my ($host, $run) = @_; stop_for_a_while($run->{pid}) },
	'sshd stopped'   => sub { my ($host) = @_; my %copiers = map { $_ => 1 } copiers_of($host); stop_for_a_while(grep { !$copiers{$_} } $host->processes) },
	'copier stopped' => sub { my ($host) = @_; stop_for_a_while(copiers_of($host)) },
	'host stopped'   => sub { my ($host) = @_; stop_for_a_while($host->processes) });

# ---------- who gives the copies ----------
# One claim on one host: done, ended (it said so), or lost; the last is over at the time.
sub run_claim
{
	my ($job, $host, $fault) = @_;
	my @ssh = $host->launcher;
	my $run = start_program(qw(ip netns exec), "$prefix-c", $ssh[0], qw(-o ServerAliveInterval=1 -o ServerAliveCountMax=3), @ssh[ 1 .. $#ssh ]);
	my $ready = $run->wait_for(sub { $_->{event} eq 'ready' }, 60);
	my ($read, $done, $result) = (time);
	my $strike = $fault ? time + rand 2 : undef;

	if ($ready)
	{
		my $target = $job->{is_device} ? $job->{target} : "$host->{root}/$job->{name}";
		$run->send(request('--lease', $lease, '--beat', $ready->{clock}, 'copy', '--root', $host->{root}, '--layer', "qcow2:$host->{root}/base.qcow2",
				'--layer', "qcow2:$host->{root}/top.qcow2", '--output', "raw:$target", '--resume', "$host->{root}/$job->{name}.record", '--claim', $job->{claim},
				qw(--keep-record --progress json --no-reflink --limit 6M)));
		while (!$result)
		{
			my $event = $run->wait_for(sub { 1 }, 0.2);

			if ($strike && time > $strike)
			{
				$fault->($host, $run);
				$strike = undef;
			}
			if (!$event)
			{
				# not a line for the lease, or the end
				$result = 'lost' if time > $read + $lease || waitpid($run->{pid}, POSIX::WNOHANG()) != 0;
				next;
			}
			$done = 1 if $event->{event} eq 'done';
			push @{ $job->{kinds} }, $event->{kind} if $event->{event} eq 'error';
			$result = $done ? 'done' : 'ended' if $event->{event} eq 'ended';
			next unless $event->{clock};
			$read = time;
			$run->tell("beat $event->{clock}");
		}
	}
	kill 'KILL', $run->{pid};
	$run->finish(5);
	return ($result // 'lost', $read + $lease + $margin);
}

# A job from beginning to end: what was wrong.
sub run_job
{
	my ($job) = @_;
	my @names = sort keys %faults;
	my $left  = $faults;
	my (@log, @problems);

	for (1 .. 40)
	{
		my $host  = $hosts[ rand @hosts ];
		my $fault = $left-- > 0 ? $names[ rand @names ] : undef;
		$job->{claim}++;
		my ($result, $over) = run_claim($job, $host, $fault && $faults{$fault});
		push @log, "claim $job->{claim}: " . ($fault // 'no fault') . ", $result " . join ' ', splice @{ $job->{kinds} };
		sleep 0.05 while $result eq 'lost' && time < $over;
		my @writers = writers($job);
		push @problems, "$log[-1]: still writes: @writers" if @writers;
		last if $result eq 'done';
		# busy: one that is stopped holds its lock
		sleep 1 if $log[-1] =~ /busy/;
	}
	push @problems, 'not done: ' . join('; ', @log) unless $log[-1] =~ /done/;
	push @problems, 'another result: ' . join('; ', @log)
	  if (run_command([ 'cmp', '-n', $size, "$space/oracle", $job->{target} ]))[0] != 0;
	# the record stays for volume commit, which finds by it that a copy was done whose end nobody has heard of
	unlink "$space/storage/$job->{name}.record" or push @problems, 'no record';
	push @problems, 'files are left: ' . join(' ', glob "$space/storage/$job->{name}?*") if glob "$space/storage/$job->{name}?*";
	spew("$space/$job->{name}.log", join '', map { "$_\n" } "SEED=$seed job $job->{number}", @log, map { "PROBLEM $_" } @problems);
	return;
}

my @children;
for my $number (1 .. $jobs)
{
	my $job = { number => $number, name => "job-$number-", claim => 0, kinds => [], target => "$space/storage/job-$number-", is_device => $number % 2 == 0 };
	if ($job->{is_device})
	{
		truncate spew("$space/device$number", ''), $size or die;
		my ($code, $name) = run_command([ qw(losetup -f --show), "$space/device$number" ]);
		next if $code != 0;
		$job->{target} = $name =~ s/\n//r;
	}
	my $random = int rand 1 << 30;
	my $pid = fork // die;
	if ($pid == 0)
	{
		srand $random;
		run_job($job);
		POSIX::_exit(0);
	}
	push @children, [ $pid, $job ];
}
for (@children)
{
	my ($pid, $job) = @$_;

	waitpid $pid, 0;
	my $log = -e "$space/$job->{name}.log" ? slurp("$space/$job->{name}.log") : 'PROBLEM it has died';
	ok($log !~ /^PROBLEM/m, "job $job->{number}, to a " . ($job->{is_device} ? 'device' : 'file')) or diag $log;
	note $log;
}
done_testing();
