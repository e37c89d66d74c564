#!/usr/bin/perl
# Every relative link in the documentation leads to a file, and its anchor to a heading; every
# `make GOAL` that it names is a goal.
use strict;
use warnings;
use File::Basename qw(dirname);
use Test::More;

sub slurp
{
	my ($path) = @_;

	open(my $handle, '<', $path) or die "cannot open $path: $!";
	local $/;
	return scalar <$handle>;
}

# GitHub's rule for the anchor of a heading.
sub anchor
{
	my ($heading) = @_;

	$heading = lc $heading;
	$heading =~ s/[^\w\- ]//g;
	$heading =~ tr/ /-/;
	return $heading;
}

my $makefiles = join("\n", map { slurp($_) } 'Makefile', glob('test/*/*.mk src/copy/copy.mk'));
my @pages = glob('*.md docs/*.md docs/*/*.md test/*.md test/*/*.md bench/*.md');

ok(scalar(@pages) > 0, 'there are pages');
foreach my $page (@pages)
{
	my $text = slurp($page);
	my @broken;

	$text =~ s/^```.*?^```$//msg;
	while ($text =~ /\]\(([^)\s]+)\)/g)
	{
		my ($target, $fragment) = split(/#/, $1, 2);
		next if $target =~ /^[a-z]+:/;
		my $path = $target eq '' ? $page : dirname($page) . "/$target";

		if (!-e $path)
		{
			push @broken, $target;
		}
		elsif (defined $fragment)
		{
			my %anchors = map { anchor($_) => 1 } slurp($path) =~ /^#+ +(.*?)\s*$/mg;
			push @broken, "$target#$fragment" unless $anchors{$fragment};
		}
	}
	is(join(' ', @broken), '', "$page: links");

	my %unknown = map { $_ => 1 } grep { $makefiles !~ /^(?:[a-z -]* )?\Q$_\E(?: [a-z -]*)?:/m }
	  grep { !/^(?:all|clean|install|uninstall)$/ } slurp($page) =~ /`make ([a-z][a-z-]+)/g;
	is(join(' ', sort keys %unknown), '', "$page: make goals");
}
done_testing();
