#!/usr/bin/perl
# What messages tell people to use is there: every function, setting, view and parameter that a hint names, and everything that is
# called vmclone.something in any message.
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

sub query
{
	my ($sql) = @_;
	open(my $psql, '-|', 'psql', '-XAt', '-v', 'ON_ERROR_STOP=1', '-c', $sql) or die "cannot start psql: $!";
	my @rows = map { chomp; $_ } <$psql>;
	close $psql or die "psql failed: $sql";
	return @rows;
}

# --- what there is
my %public = map { $_ => 1 } query(<<'SQL');
SELECT proname FROM pg_proc WHERE pronamespace = 'vmclone'::regnamespace
UNION SELECT relname FROM pg_class WHERE relnamespace = 'vmclone'::regnamespace
UNION SELECT typname FROM pg_type WHERE typnamespace = 'vmclone'::regnamespace
UNION SELECT substr(name, 9) FROM pg_settings WHERE name LIKE 'vmclone.%'
SQL
# a setting that nobody is shown
$public{$_} = 1 foreach slurp('src/base/settings.c') =~ /"vmclone\.(\w+)"/g;
my %known = (%public, map { $_ => 1 } query(<<'SQL'));
SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
UNION SELECT unnest(proargnames) FROM pg_proc WHERE pronamespace = 'vmclone'::regnamespace
UNION SELECT attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'vmclone'::regnamespace
UNION SELECT name FROM pg_settings
SQL
# a user's or a program's own words
$known{$_} = 1 foreach qw(pg_upgrade pg_restore pg_dump seccomp_filters use_ino all_squash no_root_squash pg_control);
cmp_ok(scalar(keys %public), '>', 150, 'there is much to name');

# --- what messages say: literals that follow each other are one text
sub literals_of_c
{
	my ($text) = @_;
	my @found;

	$text =~ s,/\*.*?\*/, ,gs;
	$text =~ s/\\\n/ /g;
	push @found, $1 =~ s/"\s*"//gr while $text =~ /((?:"(?:[^"\\]|\\.)*"\s*)+)/g;
	return @found;
}

sub literals_of_sql
{
	my ($text) = @_;
	my @found;

	$text =~ s/--.*//g;
	push @found, $1 =~ s/''/'/gr while $text =~ /'((?:[^']|'')*)'/g;
	return @found;
}

my (@absent, @unknown, $named, $hints);
foreach my $file (glob('src/*.[ch] src/*/*.[ch] src/*/*/*.[ch]'), grep { !/upgrade/ } glob('src/*/*.sql src/*/*/*.sql'))
{
	my $text = slurp($file);
	my @literals = $file =~ /sql$/ ? literals_of_sql($text) : literals_of_c($text);

	foreach my $literal (@literals)
	{
		while ($literal =~ /\bvmclone\.([a-z_]+)(?![\w%])/g)
		{
			$named++;
			push @absent, "$file: vmclone.$1" unless $public{$1} || "vmclone.$1" =~ /^vmclone\.(?:so|control)$/;
		}
	}
	# hints: of C by errhint() and its like, of SQL behind HINT; of the checks their table, of reports the column advice
	my @of_hints;
	if ($file =~ /\.[ch]$/)
	{
		push @of_hints, literals_of_c($1) while $text =~ /\berrhint\(((?:[^()"]|"(?:[^"\\]|\\.)*"|\((?:[^()"]|"(?:[^"\\]|\\.)*")*\))*)\)/g;
	}
	else
	{
		push @of_hints, $1 while $text =~ /\bHINT\s*(?:=|:=)\s*(?:format\()?'((?:[^']|'')*)'/g;
	}
	foreach my $hint (@of_hints)
	{
		$hints++;
		# names of things that have an underscore; not those behind a %, in "…" or in a path
		push @unknown, "$file: $_" foreach grep { !$known{$_} } $hint =~ m{(?<![\w/%."'.-])([a-z]+(?:_[a-z]+)+)(?![\w/])}g;
	}
}
cmp_ok($named, '>', 300, 'names in messages');
cmp_ok($hints, '>', 150, 'hints');
is(join("\n", @absent), '', 'what is called vmclone.something is there');
is(join("\n", @unknown), '', 'what hints name is there');

# --- the hints that a database has as rows
my @rows = query(q{SELECT replace(hint, E'\n', ' ') FROM vmclone.checks() WHERE hint IS NOT NULL});
cmp_ok(scalar(@rows), '>', 80, 'hints of checks');
is(join("\n", grep { length } map { my $hint = $_; grep { !$known{$_} } $hint =~ m{(?<![\w/%."'-])([a-z]+(?:_[a-z]+)+)(?![\w/])}g } @rows), '', 'what they name is there');
done_testing();
