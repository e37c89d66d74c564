#!/usr/bin/perl
# docs/architecture.md, "Who may use whom": an include against the arrow is a mistake.
use strict;
use warnings;
use File::Basename qw(basename);
use Test::More;

open(my $page, '<', 'docs/architecture.md') or die "cannot open docs/architecture.md: $!";
my $text = do { local $/; <$page> };

# rows of the table of layers: a name, or a pattern with one asterisk; the longest that fits counts
my @patterns;
while ($text =~ /^\| (\d) \| [^|]* \| ([^|]*) \|$/mg)
{
	my ($layer, $names) = ($1, $2);

	push @patterns, map { [ $_, $layer ] } $names =~ /`([\w*]+)`/g;
}
@patterns = sort { length $b->[0] <=> length $a->[0] } @patterns;
my %header_layer = $text =~ /`(\w+\.h)` \((\d)\)/g;

sub layer
{
	my ($module) = @_;
	foreach my $pattern (@patterns)
	{
		my $expression = join('\w*', map { quotemeta } split(/\*/, $pattern->[0], -1));
		return $pattern->[1] if $module =~ /^$expression$/;
	}
	return undef;
}

sub includes
{
	my ($file) = @_;
	open(my $handle, '<', $file) or die "cannot open $file: $!";
	return map { /^#\s*include\s+"([^"]+)"/ ? $1 : () } <$handle>;
}

my (@against, %unknown, %own);
$own{ basename($_) } = 1 foreach glob('src/*.h');
foreach my $file (sort glob('src/*.[ch]'))
{
	my ($module) = basename($file) =~ /^(\w+)\./;
	my $layer = layer($module);

	if (!defined $layer)
	{
		$unknown{$module} = 1;
		next;
	}
	foreach my $header (grep { $own{$_} } includes($file))
	{
		my $below = $header_layer{$header} // layer($header =~ s/\.h$//r);
		push @against, "$file includes $header" if defined $below && $below > $layer;
	}
}
is(join(" ", sort keys %unknown), '', 'every module of src has its layer in docs/architecture.md');
is(join("\n", @against), '', 'no include against the arrow');

my @gone = grep { my $file = $_; !grep { -e "$_/$file" } qw(src src/copy) }
  map { /\*/ ? () : $_ } $text =~ /`([\w*]+\.[ch])`/g;
is(join(' ', @gone), '', 'the files that docs/architecture.md names are there');

my %copy_own = map { basename($_) => 1 } glob('src/copy/*.h');
is(join("\n", map { my $file = $_; map { "$file includes $_" } grep { !$copy_own{$_} } includes($file) } glob('src/copy/*.[ch]')),
	'', 'the copier includes nothing but its own');
done_testing();
