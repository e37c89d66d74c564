#!/usr/bin/perl
# docs/reference.md has every public function and every parameter; what its generated blocks say, generated.pl compares.
use strict;
use warnings;
use Test::More;

use utf8;
binmode(STDOUT, ':utf8');
open(my $handle, '<:utf8', 'docs/reference.md') or die "cannot open docs/reference.md: $!";
my $reference = do { local $/; <$handle> };
close $handle;

sub query
{
	my ($sql) = @_;
	open(my $psql, '-|', 'psql', '-XAt', '-F', "\t", '-v', 'ON_ERROR_STOP=1', '-c', $sql) or die "cannot start psql: $!";
	my @rows = map { chomp; [ split /\t/, $_, -1 ] } <$psql>;
	close $psql or die "psql failed: $sql";
	return @rows;
}

# The rows of the table below a heading, by their first cell without its backquotes.
sub table
{
	my ($heading) = @_;
	my ($section) = $reference =~ /^#+ \Q$heading\E\n(.*?)(?=^#|\z)/ms or return {};
	my %rows;

	while ($section =~ /^\| *`([^`]+)` *\| *(.*?) *\|$/mg)
	{
		$rows{$1} = $2;
	}
	return \%rows;
}

# --- functions: what \df vmclone.* shows is for users, and documented; what only vmclone calls has a schema of its own
my @public = map { $_->[0] } query("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'vmclone'::regnamespace");
my @documented = map { split ' ', $_ } $reference =~ /^<!-- generated: functions (.*?) -->/mg;
is(join(' ', sort @documented), join(' ', sort @public), 'docs/reference.md: every function of schema vmclone once, and no other');
cmp_ok(scalar(@public), '<', 60, 'and they are few');
is(join(' ', map { $_->[0] } query(<<'SQL')), '', 'each of the schema is called by people: a role may have it, or it is for superusers');
SELECT p.proname FROM pg_proc p
WHERE p.pronamespace = 'vmclone'::regnamespace
	AND p.proname NOT IN (SELECT object_name FROM vmclone_internal.role_rights() WHERE object_type = 'routine'
		UNION ALL VALUES ('use_inventory'), ('protect_inventory'), ('grant_admin'), ('library_version'))
ORDER BY 1
SQL
is(join(' ', map { $_->[0] } query(<<'SQL')), '', 'every routine and schema has a comment, also internal ones');
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace) AND obj_description(p.oid, 'pg_proc') IS NULL
UNION ALL
SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'vmclone%' AND obj_description(oid, 'pg_namespace') IS NULL
SQL

# \d+ explains every table, view and column; the stand-ins of vmclone_absent have the columns of the tables that they stand for
is(join(' ', map { $_->[0] } query(<<'SQL')), '', 'every table, view and column has a comment');
SELECT c.relname || COALESCE('.' || a.attname, '')
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'vmclone'::regnamespace AND c.relkind IN ('r', 'v')
	AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
ORDER BY 1
SQL

# --- the parameters of add_vm_from_snapshot and its like
my $parameters = table('Parameters of a clone call');
my %parameter_defaults;
foreach my $row (query(<<'SQL'))
SELECT DISTINCT p.proargnames[n], CASE WHEN n > p.pronargs - p.pronargdefaults
	THEN trim(both '''' FROM split_part(pg_get_function_arg_default(p.oid, n), '::', 1)) END
FROM pg_proc p, generate_series(1, p.pronargs) n
WHERE p.pronamespace = 'vmclone'::regnamespace AND p.proname ~ '^(can_|plan_)?add_vm'
SQL
{
	$parameter_defaults{ $row->[0] } = $row->[1];
}
is_deeply([ sort keys %$parameters ], [ sort keys %parameter_defaults ], 'docs/reference.md: every parameter, and no other');
foreach my $name (sort keys %$parameters)
{
	my ($default) = $parameters->{$name} =~ /^([^|]*?) *\|/;
	is($default, $parameter_defaults{$name}, "docs/reference.md: default of parameter $name");
}

# --- keys of errors: each stands in the code
{
	my $code = '';
	foreach my $file (glob('src/*.[ch] src/*/*.[ch] src/*/*.sql src/*/*/*.sql'))
	{
		open(my $source, '<:utf8', $file) or die "cannot open $file: $!";
		local $/;
		$code .= <$source>;
	}
	open(my $errors, '<:utf8', 'docs/errors.md') or die "cannot open docs/errors.md: $!";
	my @keys = map { /^\| `([A-Z_0-9]+)` \|/ ? $1 : () } <$errors>;
	cmp_ok(scalar(@keys), '>', 100, 'docs/errors.md: keys');
	is_deeply([ grep { index($code, $_) < 0 } @keys ], [], 'docs/errors.md: no key that nothing raises');
	is_deeply(\@keys, [ sort @keys ], 'docs/errors.md: keys in order');
}
done_testing();
