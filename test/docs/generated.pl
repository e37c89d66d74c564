#!/usr/bin/perl
# The generated blocks of the documentation say what a database with the extension says now (tools/make-docs); after a wanted
# change, ACCEPT=1 make check-docs writes them.
use strict;
use warnings;
use File::Path qw(make_path);
use Test::More;

sub slurp
{
	my ($path) = @_;
	open(my $handle, '<', $path) or die "cannot open $path: $!";
	local $/;
	return scalar <$handle>;
}

my $made = "$ENV{VMCLONE_STAGE}/logs/docs-made";
my @pages = grep { slurp($_) =~ /^<!-- generated: /m } glob('*.md docs/*.md');

cmp_ok(scalar(@pages), '>', 1, 'there are generated pages');
make_path("$made/docs");
foreach my $page (@pages)
{
	is(system("tools/make-docs '$page' >'$made/$page'"), 0, "$page can be made");
	my $difference = `diff -U 0 '$page' '$made/$page'`;
	is($?, 0, "$page is what the database says") or diag("ACCEPT=1 make check-docs writes it:\n$difference");
}
done_testing();
