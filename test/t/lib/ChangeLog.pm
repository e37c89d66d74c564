
=head1 NAME

ChangeLog - who has changed a volume group when, as the provisioning programs of hosts write it: lines "HOST ACTION FROM TO VOLUME…"

=cut

package ChangeLog;

use strict;
use warnings;
use PostgreSQL::Test::Utils qw(slurp_file);

=head2 ChangeLog::changes_at_once($file)

Where two hosts' programs changed the group at one time: a text each.

=cut

sub changes_at_once
{
	my ($file) = @_;
	my @changes = sort { $a->{from} <=> $b->{from} } grep { $_->{action} =~ /^(?:create|commit|remove)$/ }
	  map { my ($host, $action, $from, $to) = split ' '; { host => $host, action => $action, from => $from, to => $to } } -e $file ? split /\n/, slurp_file($file) : ();
	my ($before, @found);

	foreach my $change (@changes)
	{
		push @found, "$before->{host} $before->{action}, $change->{host} $change->{action}" if $before && $before->{host} ne $change->{host} && $change->{from} < $before->{to};
		$before = $change if !$before || $change->{to} > $before->{to};
	}
	return @found;
}

1;
