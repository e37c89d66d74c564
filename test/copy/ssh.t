#!/usr/bin/perl
# ssh.t: serve behind a real sshd: what a stolen key can do, copies, connections that are cut or fall silent, another launcher.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use SshHost;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'no sshd here' unless -x '/usr/sbin/sshd' && have_command('ssh');
my $seed = int($ENV{SEED} // time % 1_000_000);
srand $seed;
diag("SEED=$seed");
my $space = workspace('/tmp');
my $size  = 32 << 20;
mkdir "$space/$_" or die for qw(mnt outside);
command_ok(qw(qemu-img create -q -f raw), "$space/mnt/base.raw", $size);
command_ok(qw(qemu-io -f raw -c), "write -q -P 1 0 $size", "$space/mnt/base.raw");
spew("$space/outside/secret", 'secret' x 1000);
my $host = SshHost->new(where => "$space/ssh", roots => ["$space/mnt"]);

sub copy_to { my ($name, @more) = @_; return ('copy', '--root', "$space/mnt", '--layer', "raw:$space/mnt/base.raw", '--output', "raw:$space/mnt/$name", '--resume', "$space/mnt/$name.record", qw(--progress json --no-reflink), @more) }

sub is_copied
{
	my ($name) = @_;
	return (run_command([ qw(qemu-img compare -q -f raw -F raw), "$space/mnt/base.raw", "$space/mnt/$name" ]))[0] == 0;
}

sub ask
{
	my ($bytes, @more) = @_;
	my $run = start_program($host->launcher(@more));
	$run->send($bytes);
	my ($code, $err) = $run->finish(60);
	return ($run, $code, $err);
}

# ---------- a copy ----------
{
	my ($run, $code, $err) = ask(request('hello'));
	is(join(' ', map { $_->{event} } @{ $run->{events} }) . " $code$err", 'ready ended 0', 'hello');
	($run, $code) = ask(request(copy_to('out')));
	is("$run->{events}[-2]{event} $run->{events}[-1]{event} $run->{events}[-1]{exit} $code", 'done ended 0 0', 'a copy');
	ok(is_copied('out'), 'is right');
	($run, $code) = ask(request(copy_to('out')));
	is("$run->{events}[-2]{kind} $run->{events}[-1]{exit} $code", 'exists 1 1', 'a refusal, and the exit code');
	my $long = request('copy', map({ ('--layer', "raw:$space/mnt/" . 'x' x 200 . '/' x 800 . $_) } 1 .. 1000), '--output', "raw:$space/mnt/x", '--root', "$space/mnt");
	($run, $code) = ask($long);
	is("$run->{events}[-1]{event} $run->{events}[-2]{errno} $code", 'ended ENOENT 1', length($long) . ' bytes of a request come through');
	unlink glob "$space/mnt/out*";
}

# ---------- a stolen key ----------
{
	my @tries = (
		[ 'a command'         => "cat $space/outside/secret" ],
		[ 'a shell\'s words'  => '; id; $(id) `id` | id' ],
		[ 'another copier'    => "$copier copy --layer raw:$space/outside/secret --output raw:$space/outside/stolen" ],
		[ 'scp'               => "scp -f $space/outside/secret" ],
		[ 'internal-sftp'     => 'internal-sftp' ]);
	for my $try (@tries)
	{
		my ($name, @command) = @$try;
		my ($run, $code) = ask(request('hello'), @command);
		is(join(' ', map { $_->{event} } @{ $run->{events} }), 'ready ended', "$name: serve answers, whatever is asked for");
	}
	ok(!-e "$space/outside/stolen", 'nothing else has run');
	my @ssh = $host->launcher;
	my $address = pop @ssh;
	my ($code, $out, $err) = run_command([ @ssh, '-s', $address, 'sftp' ], timeout => 20);
	ok($code != 0 || $out =~ /"ready"/, 'no sftp');
	unlike($out, qr/^\0\0\0/, 'of any kind');
	($code, $out, $err) = run_command([ @ssh, '-tt', $address ], timeout => 20);
	like("$out$err", qr/PTY allocation request failed/, 'no terminal');
	# the port of sshd itself is there to be reached
	($code, $out, $err) = run_command([ @ssh, '-W', "127.0.0.1:$host->{port}", $address ], timeout => 20);
	unlike($out, qr/SSH-2/, 'no connection through it');
	like($err, qr/prohibited|failed/, 'which sshd says');
	($code, $out, $err) = run_command([ @ssh, '-o', 'ExitOnForwardFailure=yes', '-N', '-R', '0:127.0.0.1:1', $address ], timeout => 20);
	isnt($code, 0, 'no port is listened on for it');
	for my $case ([ 'a layer' => 'measure', '--root', "$space/mnt", '--layer', "raw:$space/outside/secret", qw(--format raw) ],
		[ 'a root' => 'measure', '--root', "$space/outside", '--layer', "raw:$space/outside/secret", qw(--format raw) ],
		[ 'an output' => 'copy', '--root', "$space/mnt", '--layer', "raw:$space/mnt/base.raw", '--output', "raw:$space/outside/x", qw(--progress json) ],
		[ 'provision' => qw(volume provision attach --command /bin/true --vg vg --token t) ])
	{
		my ($what, @request) = @$case;
		my ($run, $exit) = ask(request(@request));
		cmp_ok($exit, '>', 0, "$what outside is refused") or diag explain $run->{events};
	}
	is(join(' ', glob "$space/outside/*"), "$space/outside/secret", 'outside nothing has changed');
}

# ---------- connections ----------
my @slow = (qw(--limit 1M));

# Starts a copy, waits until data moves: the run and the newest clock.
sub begin
{
	my ($name, @before) = @_;
	my $run   = start_program($host->launcher);
	my $ready = $run->wait_for(sub { $_->{event} eq 'ready' }, 30) or die 'no ready';
	$run->send(request(@before, @before ? ('--beat', $ready->{clock}) : (), copy_to($name, @slow)));
	my $event = $run->wait_for(sub { ($_->{bytes_done} // 0) > 0 }, 30) or die 'no progress';
	return $run;
}

# Seconds until all processes of that connection are gone, but those that are stopped.
sub seconds_to_end
{
	my ($limit, @family) = @_;
	my $begun = time;

	sleep 0.02 while time < $begun + $limit && grep { -e "/proc/$_" } @family;
	return time - $begun;
}

sub copiers { return grep { (readlink("/proc/$_/exe") // '') eq $copier } $host->processes }
for my $case (
	[ 'the client is killed',  0 => sub { my ($run) = @_; $run->murder } ],
	[ 'sshd\'s processes are killed', 0 => sub { my ($run) = @_; my %ours = map { $_ => 1 } copiers(); kill 'KILL', grep { !$ours{$_} } $host->processes } ],
	[ 'the client falls silent', 2 => sub { my ($run) = @_; kill 'STOP', $run->{pid} } ],
	[ 'sshd falls silent', 2 => sub { my ($run) = @_; my %ours = map { $_ => 1 } copiers(); kill 'STOP', grep { !$ours{$_} } $host->processes } ])
{
	my ($name, $lease, $cut) = @$case;
	my $run = begin('cut', $lease ? ('--lease', $lease) : ());
	my @copiers = copiers();
	my @others  = $host->processes;
	cmp_ok(scalar @copiers, '>=', 2, 'a copy is under way');
	$cut->($run);
	my $seconds = seconds_to_end(30, $lease ? grep { slurp("/proc/$_/cmdline") !~ / serve / } @copiers[ 1 .. $#copiers ] : @copiers);
	cmp_ok($seconds, '<', 20, "$name: the copier ends");
	cmp_ok($seconds, '<', $lease + 3, 'when its lease does') if $lease;
	ok(-s "$space/mnt/cut.record", 'what it has done is kept');
	my ($again, $code) = ask(request(copy_to('cut')));
	is($code, 0, 'and gone on with');
	ok(is_copied('cut'), 'to the right end');
	cmp_ok($again->{events}[-2]{bytes_again}, '<', 3 << 20, "$again->{events}[-2]{bytes_again} bytes twice: at most what a second of this speed is, and the checkpoints' step");
	kill 'KILL', $run->{pid}, @others;
	waitpid $run->{pid}, 0;
	unlink glob "$space/mnt/cut*";
}

# beats keep it
{
	my $run = begin('beats', qw(--lease 2));
	my $until = time + 5;
	my $heard = 0;
	while (time < $until)
	{
		my $event = $run->wait_for(sub { $_->{clock} }, 2) or last;
		$run->tell("beat $event->{clock}");
		$heard++;
	}
	cmp_ok($heard, '>=', 5, 'a connection that is spoken on carries clocks');
	$run->tell('limit 0');
	is(($run->finish(60))[0], 0, 'and the copy outlives its lease');
	ok(is_copied('beats'), 'to the right end');
	unlink glob "$space/mnt/beats*";
}

# ---------- another launcher ----------
SKIP:
{
	skip 'unshare needs root', 5 if $> != 0 || !have_command('unshare');
	# a container: other processes, other mounts, the storage at another path
	mkdir "$space/inside" or die;
	my @launcher = (qw(unshare --mount --pid --fork --kill-child --mount-proc --net), 'sh', '-c', "mount --bind $space/mnt $space/inside && exec $copier serve --root $space/inside");
	my $run = start_program(@launcher);
	$run->send(request(map { s/\Q$space\E\/mnt/$space\/inside/gr } copy_to('container')));
	my ($code) = $run->finish(60);
	is("$run->{events}[0]{event} $run->{events}[-1]{event} $code", 'ready ended 0', 'a container as the host');
	ok(is_copied('container'), 'a copy is right');
	$run = start_program(@launcher);
	$run->send(request(map { s/\Q$space\E\/mnt/$space\/inside/gr } copy_to('contained', @slow)));
	$run->wait_for(sub { ($_->{bytes_done} // 0) > 0 }, 30);
	kill 'KILL', $run->{pid};
	$run->finish(60);
	ok(-s "$space/mnt/contained.record", 'the launcher is killed: what was done is kept');
	($run, $code) = ask(request(copy_to('contained')));
	ok($code == 0 && is_copied('contained'), 'and gone on with through ssh, under another path');
	cmp_ok($run->{events}[-2]{bytes_again}, '<', 3 << 20, "$run->{events}[-2]{bytes_again} bytes twice");
}
done_testing();
