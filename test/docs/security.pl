#!/usr/bin/perl
# docs/security.md: every threat has a test, every test that it names is there, and every SECURITY DEFINER function has been read.
use strict;
use warnings;
use Test::More;

open(my $handle, '<', 'docs/security.md') or die "cannot open docs/security.md: $!";
my $text = do { local $/; <$handle> };
my ($section) = $text =~ /^## Threats\n(.*?)^## /ms or die 'no list of threats';
my @threats = grep { !/^\|(?: who |---)/ } $section =~ /^(\|.*\|)$/mg;

cmp_ok(scalar(@threats), '>', 20, 'there are threats');
foreach my $threat (@threats)
{
	my @cells = map { s/^\s+|\s+$//gr } split /\|/, $threat;
	my @tests = $cells[4] =~ /`([^`]+)`/g;

	ok(@tests && !grep({ !-f } @tests), "$cells[1]: " . substr($cells[2], 0, 60)) or diag "tests: @tests";
}
my ($read) = $text =~ /^## Read again\n(.*)/ms;
open(my $psql, '-|', 'psql', '-XAt', '-c', "SELECT proname FROM pg_proc WHERE pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace) AND prosecdef ORDER BY 1") or die;
chomp(my @definers = <$psql>);
close $psql or die;
cmp_ok(scalar(@definers), '>', 5, 'there are SECURITY DEFINER functions');
is(join(' ', grep { $read !~ /`\Q$_\E`/ } @definers), '', 'each of them has been read');
done_testing();
