# Hosts that copies run on, for tests: each is a real sshd on an address of its own of the loopback network, or in a network of its
# own, whose key may do nothing but "vmclone-copy serve" below the node's storage root.
package CopyHosts;

use strict;
use warnings;
use Carp qw(croak);
use File::Path qw(make_path);
use IO::Socket::INET;
use JSON::PP ();
use PostgreSQL::Test::Utils;

=head1 NAME

CopyHosts - hosts that copies run on

=head2 CopyHosts->start($node, @names)

Starts a sshd for each name, sets vmclone.copy_launcher, and adds the hosts.  Nothing where there is no sshd: then it returns undef.

=cut

sub start
{
	my ($class, $node, @names) = @_;
	return $class->start_in($node, 0, @names);
}

=head2 CopyHosts->enter_network, CopyHosts->start_apart($node, @names)

Hosts in network namespaces of their own, whose links to the server's can be cut (set_link).  enter_network runs the test
from its beginning once more in a network that this user may add links to; it returns there, and false where none can be made.  In a BEGIN
block, since standard output is the harness's no longer when the test has begun.

=cut

my @UNSHARE = qw(unshare --user --map-current-user --keep-caps --net);

sub enter_network
{
	# perl -c has nothing to run
	return 1 if $^C || $ENV{VMCLONE_TEST_NETWORK};
	return 0 if system("@UNSHARE ip link set lo up 2>/dev/null >&2") != 0;
	local $ENV{VMCLONE_TEST_NETWORK} = 1;
	exec 'sh', '-c', "exec @UNSHARE sh -c 'ip link set lo up; exec \"\$@\"' sh \"\$@\"", 'sh', $^X, (map { "-I$_" } @INC), $0;
}

sub start_apart
{
	my ($class, $node, @names) = @_;
	return $class->start_in($node, 1, @names);
}

my @started;

sub start_in
{
	my ($class, $node, $apart, @names) = @_;
	my ($sshd) = grep { -x $_ } qw(/usr/sbin/sshd /usr/local/sbin/sshd) or return;
	my $base = $node->basedir . '/hosts';
	my $self = bless { node => $node, sshd => $sshd, base => $base, apart => $apart, hosts => {}, owner => $$ }, $class;
	push @started, $self;

	make_path($base);
	# sshd refuses keys below folders that others may write to
	chmod 0700, $base;
	run_quietly('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', "$base/key");
	$self->make_host($_) foreach @names;
	$self->use_launcher($self->ssh_line);
	$node->safe_psql('postgres', "SELECT vmclone.add_copy_host('$_', '$self->{hosts}{$_}{address}')") foreach @names;
	return $self;
}

sub run_quietly
{
	my (@command) = @_;
	my ($out, $err);

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err) or croak "failed: @command\n$out$err";
	return;
}

=head2 $hosts->ssh_line, $hosts->use_launcher($line)

The default of vmclone.copy_launcher with this test's key; sets it.

=cut

sub ssh_line
{
	my ($self) = @_;
	my $line = $self->{node}->value('SHOW vmclone.copy_launcher');
	my $options = "-F none -i $self->{base}/key -o UserKnownHostsFile=$self->{base}/known_hosts -o IdentitiesOnly=yes";

	$line =~ s{^\S+}{/usr/bin/ssh $options} or croak "launcher: $line";
	return $line;
}

sub use_launcher
{
	my ($self, $line) = @_;

	$self->{node}->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_launcher = '$line'");
	$self->{node}->reload;
	return;
}

sub make_host
{
	my ($self, $name) = @_;
	my $folder = "$self->{base}/$name";
	my $number = 2 + keys %{ $self->{hosts} };
	my $ip = $self->{apart} ? "10.99.$number.2" : "127.0.0.$number";
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $copier = $self->{node}->value('SHOW vmclone.copy_program');
	my $root = $self->{node}->storage_root;

	make_path($folder);
	chmod 0700, $folder;
	run_quietly('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', "$folder/host_key");
	$self->{hosts}{$name} = { folder => $folder, inside => [], command => "VMCLONE_TEST_HOST=$folder $copier serve --root $root" };
	$self->answer_through($name, '');
	$self->make_network($name, $number) if $self->{apart};
	my ($host_key) = slurp_file("$folder/host_key.pub") =~ /^(\S+ \S+)/;
	append_to_file("$self->{base}/known_hosts", "[$ip]:$port $host_key\n");
	append_to_file("$folder/sshd_config", <<"CONF");
ListenAddress $ip
Port $port
HostKey $folder/host_key
AuthorizedKeysFile $folder/authorized_keys
PidFile $folder/sshd.pid
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
LogLevel ERROR
MaxStartups 100
CONF
	@{ $self->{hosts}{$name} }{qw(address ip port)} = ("ssh://$ip:$port", $ip, $port);
	$self->start_sshd($name);
	return;
}

# A network that lives as long as this test, and a link to it.
sub make_network
{
	my ($self, $name, $number) = @_;

	return $self->make_machine($name, $number, ['--net'], 'cat');
}

# Namespaces of these kinds, in which a command waits for the test's end.
sub make_machine
{
	my ($self, $name, $number, $kinds, @command) = @_;
	my $host = $self->{hosts}{$name};

	my $pid = open $host->{network}, '|-', 'unshare', @$kinds, @command or croak "unshare: $!";
	for (1 .. 100)
	{
		last if (readlink("/proc/$pid/ns/net") // '') ne readlink('/proc/self/ns/net');
		select undef, undef, undef, 0.05;
	}
	$host->{inside} = [ 'nsenter', @$kinds, '--target', $pid ];
	run_quietly(qw(ip link add name), "to$number", qw(type veth peer name eth0 netns), $pid);
	run_quietly(qw(ip addr add), "10.99.$number.1/24", 'dev', "to$number");
	run_quietly(qw(ip link set), "to$number", 'up');
	run_quietly(@{ $host->{inside} }, qw(ip addr add), "10.99.$number.2/24", qw(dev eth0));
	run_quietly(@{ $host->{inside} }, qw(ip link set), $_, 'up') foreach qw(lo eth0);
	return;
}

=head2 $hosts->set_link($name, $state)

C<down> or C<up>: the link to a host in a network of its own.

=cut

sub set_link
{
	my ($self, $name, $state) = @_;

	run_quietly(@{ $self->{hosts}{$name}{inside} }, qw(ip link set eth0), $state);
	return;
}

=head2 $hosts->answer_through($name, $filter)

What the host's copier says goes through a command, as C<< | sed -u -f FILE >>, or with the empty text as it is.

=cut

sub answer_through
{
	my ($self, $name, $filter) = @_;
	my $host = $self->{hosts}{$name};
	my $file = "$host->{folder}/authorized_keys";

	unlink $file;
	append_to_file($file, qq{restrict,command="$host->{command}$filter" } . slurp_file("$self->{base}/key.pub"));
	chmod 0600, $file;
	# connections that are shared go on with the command of the key as it was
	unlink glob $self->{node}->data_dir . '/vmclone/pgsql_tmp.ssh-*';
	return;
}

=head2 $hosts->listen_to(@names), $hosts->said($name)

From now on what these hosts' copiers say is written down; the events that were, oldest first.

=cut

sub listen_to
{
	my ($self, @names) = @_;

	$self->answer_through($_, "|tee -a $self->{hosts}{$_}{folder}/said") foreach @names;
	return;
}

sub said
{
	my ($self, $name) = @_;
	my $file = "$self->{hosts}{$name}{folder}/said";

	return -e $file ? map { JSON::PP::decode_json($_) } grep { /^\{.*\}$/ } split /\n/, slurp_file($file) : ();
}

=head2 $hosts->copied_again($name, $since)

Of the copier that has ended last on a host, after the first $since events: the bytes below the checkpoint that it went on from, and
those that were copied twice, as { found, again, total }.

=cut

sub copied_again
{
	my ($self, $name, $since) = @_;
	my @said = $self->said($name);
	my @events = @said[ ($since // 0) .. $#said ];
	my ($done) = reverse grep { ($_->{event} // '') eq 'done' } @events;
	my ($first) = grep { ($_->{event} // '') eq 'progress' && $_->{phase} eq 'data' } @events;

	return { found => $first->{checkpoint} // 0, again => $done->{bytes_again}, total => $done->{bytes_done} };
}

=head2 $hosts->serve_with($name, $options)

The host's "vmclone-copy serve" gets more options on its command line.

=cut

sub serve_with
{
	my ($self, $name, $options) = @_;

	$self->{hosts}{$name}{command} .= " $options";
	$self->answer_through($name, '');
	return;
}

=head2 $hosts->start_sshd($name), $hosts->stop_sshd($name)

A host without sshd can't be reached any more; what runs there goes on.

=cut

sub start_sshd
{
	my ($self, $name) = @_;
	my $host = $self->{hosts}{$name};

	run_quietly(@{ $host->{inside} }, $self->{sshd}, '-f', "$host->{folder}/sshd_config", '-E', "$host->{folder}/log");
	for (1 .. 100)
	{
		last if IO::Socket::INET->new(PeerAddr => $host->{ip}, PeerPort => $host->{port}, Timeout => 1);
		select undef, undef, undef, 0.1;
	}
	return;
}

sub stop_sshd
{
	my ($self, $name) = @_;
	my $file = "$self->{hosts}{$name}{folder}/sshd.pid";

	return unless -e $file;
	my ($pid) = slurp_file($file) =~ /(\d+)/;
	kill 'KILL', $pid;
	unlink $file;
	return;
}

=head2 $hosts->processes($name), $hosts->copiers($name), $hosts->sessions($name), $hosts->connections($name)

Process ids: of what the key's command has started on the host; of the copiers among them; of the sshd sessions there.  How many connections these have.

=cut

sub processes
{
	my ($self, $name) = @_;
	my $folder = $self->{hosts}{$name}{folder};
	my @found;

	foreach my $file (glob '/proc/[0-9]*/environ')
	{
		open my $handle, '<', $file or next;
		my $environment = do { local $/; <$handle> } // '';
		push @found, $file =~ m{/proc/(\d+)/} if $environment =~ /(?:^|\0)VMCLONE_TEST_HOST=\Q$folder\E\0/;
	}
	return @found;
}

sub copiers
{
	my ($self, $name) = @_;
	return grep { (readlink("/proc/$_/exe") // '') =~ /vmclone-copy/ } $self->processes($name);
}

sub sessions
{
	my ($self, $name) = @_;
	my $folder = $self->{hosts}{$name}{folder};
	my ($listener) = slurp_file("$folder/sshd.pid") =~ /(\d+)/;

	# one with rights for each connection, and below it one without, which is sshd-session from OpenSSH 9.8 on
	my @found = map { /(\d+)/ } `pgrep -P $listener`;

	return (@found, map { my $parent = $_; map { /(\d+)/ } `pgrep -x -P $parent 'sshd(-session)?'` } @found);
}

sub connections
{
	my ($self, $name) = @_;

	return scalar(() = `pgrep -P @{[ $self->listener($name) ]}`);
}

=head2 $hosts->kill_host($name), $hosts->freeze($name), $hosts->thaw($name), $hosts->cut($name), $hosts->mend($name)

The host is gone at once, with all that runs there; all there stands still; its connections say nothing any more while what
runs there goes on.

=cut

sub kill_host
{
	my ($self, $name) = @_;
	my @sessions = $self->sessions($name);

	$self->stop_sshd($name);
	kill 'KILL', @sessions, $self->processes($name);
	return;
}

sub freeze
{
	my ($self, $name) = @_;

	kill 'STOP', $self->listener($name), $self->sessions($name), $self->processes($name);
	return;
}

sub thaw
{
	my ($self, $name) = @_;

	kill 'CONT', $self->listener($name), $self->sessions($name), $self->processes($name);
	return;
}

sub cut
{
	my ($self, $name) = @_;

	kill 'STOP', $self->listener($name), $self->sessions($name);
	return;
}

sub mend
{
	my ($self, $name) = @_;

	kill 'CONT', $self->listener($name), $self->sessions($name);
	return;
}

sub listener
{
	my ($self, $name) = @_;

	return slurp_file("$self->{hosts}{$name}{folder}/sshd.pid") =~ /(\d+)/;
}

=head2 $hosts->writers

Copiers that have the unfinished output of a copy open for writing, as { path => [pids…] }.  Devices are outputs whose path matches
$hosts->{devices}, or those that $hosts->{outputs} names the volumes of.

=cut

sub writers
{
	my ($self) = @_;
	my $root = $self->{node}->storage_root;
	my %writers;

	foreach my $process (grep { (readlink "$_/exe" // '') =~ /vmclone-copy/ } glob '/proc/[0-9]*')
	{
		my ($pid) = $process =~ /(\d+)/;

		foreach my $link (glob "$process/fd/*")
		{
			my $path = readlink $link or next;
			my $is_device = $self->{devices} ? $path =~ $self->{devices} : $self->{outputs} && $self->{outputs}{$path};
			next unless $is_device || ($path =~ m{\.part$} && index($path, $root) == 0);
			open my $info, '<', $link =~ s{/fd/}{/fdinfo/}r or next;
			my ($flags) = join('', <$info>) =~ /^flags:\s+(\d+)/m or next;
			my $output = $is_device && $self->{outputs} ? $self->{outputs}{$path} : $path;
			push @{ $writers{$output} }, $pid if oct($flags) & 3 && !grep { $_ == $pid } @{ $writers{$output} || [] };
		}
	}
	return \%writers;
}

# Before the node's folder goes, in which their process ids are.
END
{
	local $?;
	$_->end foreach grep { $_->{owner} == $$ } @started;
}

sub end
{
	my ($self) = @_;

	foreach my $name (keys %{ $self->{hosts} })
	{
		my $file = "$self->{hosts}{$name}{folder}/sshd.pid";

		next unless -e $file;
		kill 'CONT', $self->listener($name), $self->sessions($name), $self->processes($name);
		kill 'KILL', $self->listener($name), $self->sessions($name);
	}
	return;
}

1;
