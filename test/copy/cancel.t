#!/usr/bin/perl
# cancel.t: a cancel is heard within a second whatever the copier is at: also while it reads and checks
# the headers and tables of images that were made to keep it busy.  control.t has the phase of data.
use strict;
use warnings;
use Fcntl ();
use POSIX ();
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use IPC::Open3;
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(time sleep);

my $space = workspace();
chdir $space or die;
my $heard = 1.5;    # seconds: one, and what a loaded machine needs to start and end processes

# A version 3 header of 112 bytes with clusters of 2 ** $bits bytes.
sub header
{
	my ($bits, $size, $l1_entries, $backing) = @_;
	my $cluster = 1 << $bits;
	my $bytes = pack 'a4 N Q> N N Q> N N Q> Q> N N Q> Q> Q> Q> N N C x7', "QFI\xfb", 3, defined $backing ? 256 : 0, length($backing // ''), $bits, $size, 0,
	  $l1_entries, $cluster, 0, 1, 0, 0, 0, 0, 0, 4, 112, 0;
	$bytes .= "\0" x (256 - length $bytes) . $backing if defined $backing;
	return $bytes . "\0" x ($cluster - length $bytes);
}

# Layers whose L1 tables have the largest size and name their L2 tables in no order: each costs many passes.
my $entries = 4 << 20;
my $table   = pack 'Q>*', map { ($_ * 7919 % $entries + 65600) * 512 } 1 .. $entries;
my @busy;
for my $i (0 .. 5)
{
	my $name = "busy$i.qcow2";
	open my $handle, '>:raw', $name or die;
	print $handle header(9, $entries * 64 * 512, $entries, $i > 0 ? "busy@{[$i - 1]}.qcow2" : undef), $table;
	truncate $handle, ($entries + 65700) * 512 or die;
	close $handle or die;
	push @busy, '--layer', "qcow2:$name";
}
undef $table;

# Headers full of empty extensions.
my @wordy;

sub add_wordy
{
	my $i    = @wordy / 2;
	my $name = "wordy$i.qcow2";
	# where the extensions end lies the backing file's name
	my $backing = $i > 0 ? 'wordy' . ($i - 1) . '.qcow2' : '';
	my $at      = (2 << 20) - 64;
	my $bytes   = pack 'a4 N Q> N N Q> N N Q> Q> N N Q> Q> Q> Q> N N C x7', "QFI\xfb", 3, $i > 0 ? $at : 0, length $backing, 21, 0, 0, 0, 2 << 20, 0, 1, 0, 0, 0, 0, 0, 4, 112, 0;
	$bytes .= pack('NN', 0x12345678, 0) x (($at - 112) / 8) . $backing;
	spew($name, $bytes . "\0" x ((2 << 20) - length $bytes));
	push @wordy, '--layer', "qcow2:$name";
	return;
}
add_wordy() for 1 .. 25;

for my $case ([ 'tables', \@busy, 1 ], [ 'headers', \@wordy, 5 ])
{
	my ($what, $layers, $few) = @$case;
	my $begin = time;
	my ($code, undef, $err) = run_command([ $copier, 'measure', @$layers[ 0 .. 2 * $few - 1 ], '--format', 'raw' ]);
	my $one = (time - $begin) / $few;
	# a faster machine needs more of them to be as busy
	while ($layers == \@wordy && $one * @wordy / 2 < 1.5 && @wordy < 2 * 120) { add_wordy() }
	my $whole = $one * @$layers / 2;
	is($code, 0, sprintf('%s that keep us busy for about %.1f s are valid', $what, $whole)) or diag $err;
	# a faster machine proves nothing, which must be seen
	cmp_ok($whole, '>', 1.2, "$what: long enough to tell");
	spew('other', '');
	for my $command ([ 'copy', '--output', 'raw:out' ], [ 'copy', '--output', 'qcow2:out', '--resume', 'out.resume' ], [ 'verify', '--output', 'raw:other' ])
	{
		for my $way (qw(cancel TERM))
		{
			my ($verb, @options) = @$command;
			my $seconds = in_time(
				$heard,
				sub {
					my $run = start_copier($verb, @$layers, @options, '--progress', 'json');
					sleep 0.3;
					$begin = time;
					if   ($way eq 'cancel') { $run->tell('cancel') }
					else                    { kill $way, $run->{pid} }
					($code, $err) = $run->finish(60);
					my $took = time - $begin;
					is($code, 4, "$what: $verb @options: $way: exit 4") or diag $err;
					ok(!-e 'out' && !-e 'out.resume', 'nothing left');
					my ($event) = grep { ($_->{event} // '') eq 'error' } @{ $run->{events} };
					is($event->{kind}, 'cancelled', 'and said so');
					unlink 'out', 'out.resume';
					return $took;
				});
			cmp_ok($seconds, '<', $heard, sprintf('%s: %s: %s: heard within a second (%.2f s)', $what, $verb, $way, $seconds));
		}
	}
}

# Allocating many blocks is one call after the other.
SKIP:
{
	skip 'strace is not here', 1 if !have_command('strace');
	my $disk = workspace('/tmp');
	# each call takes two thirds of a second more than it takes
	my $err = gensym;
	my $pid = open3(my $in, my $out, $err, qw(strace -f -qq -o), "$space/trace", qw(-e trace=fallocate -e inject=fallocate:delay_exit=650000),
		$copier, 'copy', '--size', '6G', '--output', "raw:$disk/out", '--preallocate', '--progress', 'json');
	my $run = bless { pid => $pid, in => $in, out => $out, err => $err, events => [], rest => '' }, 'CopyTest::Run';
	ok($run->wait_for(sub { ($_->{event} // '') eq 'phase' && $_->{phase} eq 'layout' }), 'allocating');
	sleep 0.3;
	my $begin = time;
	$run->tell('cancel');
	my ($code, $text) = $run->finish(60);
	is($code, 4, 'cancelled while blocks are allocated') or diag $text;
	cmp_ok(time - $begin, '<', $heard, sprintf('heard within a second (%.2f s)', time - $begin));
	ok(!-e "$disk/out", 'nothing left');
}

# Nobody reads what it says: the pipe of stderr is full when it is cancelled.
{
	my $disk = workspace('/tmp');
	command_ok('sh', '-c', "head -c 16M /dev/urandom > '$disk/source'");
	pipe my $reader, my $writer or die;
	fcntl $writer, Fcntl::F_SETFL(), Fcntl::O_NONBLOCK() or die;
	1 while syswrite $writer, 'x' x 4096;
	fcntl $writer, Fcntl::F_SETFL(), 0 or die;
	my $pid = fork // die;
	if ($pid == 0)
	{
		open STDERR, '>&', $writer or die;
		open STDOUT, '>', '/dev/null' or die;
		exec $copier, 'copy', '--layer', "raw:$disk/source", '--output', "raw:$disk/out", '--limit', '256K' or POSIX::_exit(9);
	}
	my $waited = time;
	sleep 0.05 while !-e "$disk/out" && time - $waited < 60;
	ok(-e "$disk/out", 'a copy whose stderr nobody reads');
	my $begin = time;
	kill 'TERM', $pid;
	my $ended;
	sleep 0.05 while !($ended = waitpid($pid, POSIX::WNOHANG())) && time - $begin < 30;
	kill 'KILL', $pid if !$ended;
	is($ended, $pid, sprintf('ends when it is cancelled (%.2f s)', time - $begin));
	is($? >> 8, 4, 'exit 4');
	ok(!-e "$disk/out", 'nothing left');
}
chdir '/';
done_testing();
