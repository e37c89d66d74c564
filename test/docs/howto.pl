#!/usr/bin/perl
# Each recipe of docs/howto.md runs in a test: its ```sql blocks do (examples.pl); where it has none, it names the files that do it.
use strict;
use warnings;
use utf8;
use Test::More;
binmode(Test::More->builder->$_, ':utf8') foreach qw(output failure_output);

open(my $handle, '<:utf8', 'docs/howto.md') or die "cannot open docs/howto.md: $!";
my $text = do { local $/; <$handle> };
my @recipes = $text =~ /^(## .*?)(?=^## |\z)/msg;

cmp_ok(scalar(@recipes), '>', 20, 'there are recipes');
foreach my $recipe (@recipes)
{
	my ($title) = $recipe =~ /^## (.*)/;
	my @files = map { split ' ' } $recipe =~ /<!-- tested by: (.*?) -->/g;

	ok($recipe =~ /^```sql$/m || @files, "$title: is run");
	is(join(' ', grep { !-f } @files), '', "$title: by files that are there");
}
done_testing();
