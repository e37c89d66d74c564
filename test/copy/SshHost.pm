# SshHost.pm: a real sshd whose only key has serve as its forced command, as a host that copies has it.
package SshHost;
use strict;
use warnings;
use CopyTest;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

# Directories of such a host: roots, those of serve, which gets more "options"; where, for keys and configuration; netns and address, of the network that it
# is in (none: loopback).  Dies where sshd can't run.
sub new
{
	my ($class, %option) = @_;
	my $self = bless { address => '127.0.0.1', copier => $copier, %option, owner => $$ }, $class;
	my $where = $self->{where};

	mkdir $where or die "$where: $!" unless -d $where;
	chmod 0700, $where;
	command_ok(qw(ssh-keygen -q -t ed25519 -N), '', '-f', "$where/$_") for grep { !-e "$where/$_" } qw(host_key key);
	my $restrict = sprintf 'restrict,command="%s serve %s"', $self->{copier}, join ' ', map({ "--root $_" } @{ $self->{roots} }), @{ $self->{options} // [] };
	spew("$where/authorized_keys", "$restrict " . slurp("$where/key.pub"));
	$self->start;
	return $self;
}

sub in_network { my ($self, @command) = @_; return $self->{netns} ? (qw(ip netns exec), $self->{netns}, @command) : @command }

# Runs sshd, on a port that is free.
sub start
{
	my ($self) = @_;
	my $where = $self->{where};

	# root's sshd wants it
	mkdir '/run/sshd', 0755 if $> == 0 && !-d '/run/sshd';
	for (1 .. 20)
	{
		$self->{port} = 20_000 + int rand 12_000;
		spew("$where/config", join '', map { "$_\n" } "ListenAddress $self->{address}", "Port $self->{port}", "HostKey $where/host_key",
			"AuthorizedKeysFile $where/authorized_keys", "PidFile $where/pid", 'UsePAM no', 'StrictModes no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no',
			'LogLevel ERROR', 'MaxStartups 100', 'PermitRootLogin yes',
			# bash reads the account's ~/.bashrc when sshd starts it, but not as an inner shell: whatever stands there is no part of the test
			'SetEnv SHLVL=2', @{ $self->{config} // [] });
		$self->{pid} = fork // die;
		if ($self->{pid} == 0)
		{
			open STDOUT, '>>', "$where/log" or die;
			open STDERR, '>&', \*STDOUT or die;
			exec $self->in_network('/usr/sbin/sshd', '-D', '-e', '-f', "$where/config") or die;
		}
		my $end = time + 10;
		while (time < $end && waitpid($self->{pid}, 1) == 0)
		{
			return $self if (run_command([ $self->in_network('bash', '-c', "exec 3<>/dev/tcp/$self->{address}/$self->{port}") ]))[0] == 0;
			sleep 0.05;
		}
	}
	die 'sshd does not run: ' . slurp("$where/log");
}

# The command line whose other end is serve; more arguments stand behind the address.
sub launcher
{
	my ($self, @more) = @_;
	return ('ssh', '-F', 'none', '-T', '-i', "$self->{where}/key", '-p', $self->{port}, map({ ('-o', $_) } $self->options), $self->{address}, @more);
}

sub options
{
	my ($self) = @_;
	return ('BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', "UserKnownHostsFile=$self->{where}/known_hosts", 'LogLevel=ERROR', 'ConnectTimeout=10');
}

# sshd's processes for connections, and all that came of them; sshd itself with "all".
sub processes
{
	my ($self, $all) = @_;
	my @found = family($self->{pid});

	shift @found unless $all;
	return @found;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid} && $self->{owner} == $$;
	kill 'KILL', $self->processes('all');
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

sub DESTROY { local ($?, $!); $_[0]->stop; return }

1;
