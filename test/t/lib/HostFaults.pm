
=head1 NAME

HostFaults - what goes wrong with the hosts of a test, with their links and with the server

What is stopped or cut stays so for longer than a lease.

=cut

package HostFaults;

use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

=head2 HostFaults->new($node, $hosts, $lease, @names)

Faults of the hosts of these names; a lease in seconds.  It says the seed of what is chosen: VMCLONE_TEST_SEED repeats it.

=cut

sub new
{
	my ($class, $node, $hosts, $lease, @names) = @_;
	my $seed = int($ENV{VMCLONE_TEST_SEED} || time % 1_000_000_000);

	srand $seed;
	diag("VMCLONE_TEST_SEED=$seed");
	return bless { node => $node, hosts => $hosts, lease => $lease, names => \@names, undoing => [], log => [] }, $class;
}

# By a process of its own.
sub undo_later
{
	my ($self, $undo) = @_;
	my $wait = $self->{lease} + rand 3;
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		sleep $wait;
		$undo->();
		POSIX::_exit(0);
	}
	push @{ $self->{undoing} }, $pid;
	return;
}

sub stop_for_a_while
{
	my ($self, @pids) = @_;

	kill 'STOP', @pids;
	return $self->undo_later(sub { kill 'CONT', @pids });
}

sub worker { my ($self) = @_; return $self->{node}->value("SELECT pid FROM vmclone.worker WHERE pid IS NOT NULL") }
sub clients { my ($self) = @_; my $worker = $self->worker or return; return map { /(\d+)/ } `pgrep -x -P $worker ssh` }
sub one_of { return @_ ? $_[ rand @_ ] : () }

my %kinds = (
	'link down' => sub {
		my ($self, $hosts, $host) = @_;
		$hosts->set_link($host, 'down');
		$self->undo_later(sub { $hosts->set_link($host, 'up') });
	},
	'sessions killed' => sub { my ($self, $hosts, $host) = @_; kill 'KILL', $hosts->sessions($host) },
	'sshd killed' => sub {
		my ($self, $hosts, $host) = @_;
		$hosts->stop_sshd($host);
		kill 'KILL', one_of($hosts->copiers($host));
		sleep 1;
		$hosts->start_sshd($host);
	},
	'host killed'     => sub { my ($self, $hosts, $host) = @_; $hosts->kill_host($host); sleep rand 2; $hosts->start_sshd($host) },
	'copier killed'   => sub { my ($self, $hosts, $host) = @_; kill 'KILL', one_of($hosts->copiers($host)) },
	'copiers stopped' => sub { my ($self, $hosts, $host) = @_; $self->stop_for_a_while($hosts->copiers($host)) },
	'sshd stopped'    => sub { my ($self, $hosts, $host) = @_; $self->stop_for_a_while($hosts->listener($host), $hosts->sessions($host)) },
	'host stopped'    => sub { my ($self, $hosts, $host) = @_; $self->stop_for_a_while($hosts->listener($host), $hosts->sessions($host), $hosts->processes($host)) },
	'client killed'   => sub { my ($self) = @_; kill 'KILL', one_of($self->clients) },
	'client stopped'  => sub { my ($self) = @_; $self->stop_for_a_while(one_of($self->clients)) },
	'worker stopped'  => sub { my ($self) = @_; $self->stop_for_a_while($self->worker) },
	'worker killed'   => sub { my ($self) = @_; $self->{node}->kill_worker },
	'server restarted' => sub { my ($self) = @_; $self->{node}->stop(rand() < 0.7 ? 'immediate' : 'fast'); $self->{node}->start });

=head2 $faults->happen($count, $each)

As many faults, at times between which $each is called; each kind comes now and then, those of the server more rarely.  Returns when all is undone and all
hosts are up.

=cut

sub happen
{
	my ($self, $count, $each) = @_;
	my @possible = grep { $self->{hosts}{apart} || $_ ne 'link down' } sort keys %kinds;
	my @dice = (@possible, grep { !/^(?:worker|server)/ } @possible);

	for my $number (1 .. $count)
	{
		my ($host, $kind, $wait) = (one_of(@{ $self->{names} }), one_of(@dice), rand 2.5);

		$each->();
		sleep $wait;
		push @{ $self->{log} }, "$kind $host";
		note("$number $kind $host");
		$kinds{$kind}->($self, $self->{hosts}, $host);
		# a host or worker that is stopped is no other fault's
		waitpid shift @{ $self->{undoing} }, 0 if @{ $self->{undoing} } > 1;
	}
	waitpid $_, 0 foreach @{ $self->{undoing} };
	return is($self->{node}->poll_query_until('postgres', "SELECT bool_and(state = 'up') FROM vmclone.copy_hosts WHERE address IS NOT NULL"), 1, 'all hosts are up again');
}

=head2 $faults->log

What has happened, a line for each.

=cut

sub log { my ($self) = @_; return join "\n", @{ $self->{log} } }

1;
