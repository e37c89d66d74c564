#!/usr/bin/perl
# Comments that name a page of the documentation and a section of it name one that is there; nothing cites papers that
# are not in the repository.
use strict;
use warnings;
use Test::More;

sub slurp
{
	my ($path) = @_;
	open(my $handle, '<', $path) or die "cannot open $path: $!";
	local $/;
	return scalar <$handle>;
}

my (%headings, @nowhere, @outside);
foreach my $page (glob('*.md docs/*.md docs/design/*.md test/*.md'))
{
	$headings{ $page =~ s,.*/,,r }{ $_ } = 1 foreach slurp($page) =~ /^#+ +(.*?)\s*$/mg;
}
my $cited = 0;
foreach my $file (glob('src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] src/*/*.sql src/*/*/*.sql'))
{
	my $text = slurp($file) =~ s/\n[ \t]*(?:\*|--)?[ \t]*/ /gr;

	while ($text =~ /(?:docs\/(?:design\/)?)?\b([\w-]+\.md), "([^"]+)"/g)
	{
		$cited++;
		push @nowhere, "$file: $1, \"$2\"" unless $headings{$1}{$2};
	}
	push @outside, $file if $text =~ /reference §|\bDESIGN\b|\bthe seed\b|§ ?\d/;
}
cmp_ok($cited, '>', 20, 'comments point to the documentation');
is(join("\n", @nowhere), '', 'each to a section that is there');
is(join("\n", @outside), '', 'and to nothing outside of the repository');
done_testing();
