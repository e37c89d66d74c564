
=head1 NAME

NfsHosts - hosts as CopyHosts has them, each a machine of its own for the NFS server too: own network, own name, own mounts

Their links carry both ssh and NFS.  They have the mounts of @Guest::nfs that are asked for, at the same paths.

=cut

package NfsHosts;

use strict;
use warnings;
use parent -norequire, 'CopyHosts';
use CopyHosts;
use Guest;
use VmcloneCluster;

=head2 NfsHosts->start_with($node, \@mounts, @names)

CopyHosts->start_apart of these hosts, whose keys are good for what lies below /rhev.

=cut

my @mounts;

sub start_with
{
	my ($class, $node, $mounts, @names) = @_;

	@mounts = @$mounts;
	as_root('exportfs', '-o', 'rw,sync,no_subtree_check,no_root_squash,fsid=1', '10.99.0.0/16:/srv/nfs');
	return $class->start_apart($node, @names);
}

# The namespaces live as long as this test.
sub make_network
{
	my ($self, $name, $number) = @_;
	my $host = $self->{hosts}{$name};
	my $ready = "$host->{folder}/ready";
	my $inside = 'mount -t sysfs sysfs /sys; ip link set lo up; hostname $1; echo $1 >/sys/fs/nfs/net/nfs_client/identifier; echo $$ >$2; exec cat';

	open $host->{network}, '|-', qw(sudo -n unshare --net --mount --uts sh -c), $inside, 'sh', $name, $ready or die "sudo: $!";
	for (1 .. 300)
	{
		last if -s $ready;
		select undef, undef, undef, 0.1;
	}
	my ($pid) = PostgreSQL::Test::Utils::slurp_file($ready) =~ /(\d+)/;
	my @enter = ('nsenter', '--net', '--mount', '--uts', '--target', $pid);
	as_root(qw(ip link add name), "to$number", qw(type veth peer name eth0 netns), $pid);
	as_root(qw(ip addr add), "10.99.$number.1/24", 'dev', "to$number");
	as_root(qw(ip link set), "to$number", 'up');
	as_root(@enter, qw(ip addr add), "10.99.$number.2/24", qw(dev eth0));
	as_root(@enter, qw(ip link set eth0 up));
	as_root(@enter, qw(mount -t nfs -o), "vers=$_->{version}" . ($_->{version} eq '3' ? ',nolock' : ''), "10.99.$number.1:$_->{server}", $_->{path}) foreach @mounts;
	$host->{enter} = [ 'sudo', '-n', @enter ];
	$host->{inside} = [ @{ $host->{enter} }, qw(setpriv --reuid postgres --regid postgres --init-groups) ];
	$host->{command} =~ s{ --root \K\S+}{/rhev};
	$self->answer_through($name, '');
	return;
}

sub set_link
{
	my ($self, $name, $state) = @_;

	run(@{ $self->{hosts}{$name}{enter} }, qw(ip link set eth0), $state);
	return;
}

1;
