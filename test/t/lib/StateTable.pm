# The tables of docs/jobs.md: who moves jobs and tasks from where to where.
package StateTable;
use strict;
use warnings;
use Exporter qw(import);
our @EXPORT_OK = qw(moves_of_page);

# "from > to by who", one for each move that the section says; "–" is no row yet
sub moves_of_page
{
	my ($heading) = @_;
	open(my $handle, '<', 'docs/jobs.md') or die "docs/jobs.md: $!";
	my $page = do { local $/; <$handle> };
	my ($section) = $page =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms or die "no $heading";
	my @moves;

	while ($section =~ /^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$/mg)
	{
		my ($from, $to, $mover) = ($1, $2, $3);
		my @to = $to =~ /`(\w+)`/g or next;

		foreach my $one ($from eq '–' ? '–' : $from =~ /`(\w+)`/g)
		{
			push @moves, map { "$one > $_ by $mover" } @to;
		}
	}
	return @moves;
}

1;
