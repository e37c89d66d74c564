#!/usr/bin/perl
# The README's tables agree with a database that has the extension: every setting with its default, every public
# function with its parameters, every view.
use strict;
use warnings;
use Test::More;

use utf8;
binmode(STDOUT, ':utf8');
open(my $handle, '<:utf8', 'README.md') or die "cannot open README.md: $!";
my $readme = do { local $/; <$handle> };
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
	my ($section) = $readme =~ /^#+ \Q$heading\E\n(.*?)(?=^#|\z)/ms or return {};
	my %rows;

	while ($section =~ /^\| *`([^`]+)` *\| *(.*?) *\|$/mg)
	{
		$rows{$1} = $2;
	}
	return \%rows;
}

# --- settings
my $settings = table('Settings');
my %defaults = map { $_->[0] => $_->[1] } query(<<'SQL');
SELECT name, CASE WHEN boot_val = '' THEN 'empty' ELSE concat_ws(' ', boot_val, nullif(unit, '')) END
FROM pg_settings WHERE name LIKE 'vmclone.%'
SQL
is_deeply([ sort keys %$settings ], [ sort keys %defaults ], 'README: every setting, and no other');
foreach my $name (sort keys %$settings)
{
	my ($default) = $settings->{$name} =~ /^`?([^`|]*?)`? *\|/;
	is($default, $defaults{$name}, "README: default of $name");
}

# --- functions: those that the grant functions give to roles, and the superuser's two; not what only views call
my $functions = table('Functions');
my %signatures;
push @{ $signatures{ $_->[0] } }, $_->[1] foreach query(<<'SQL');
SELECT p.proname, array_to_string(p.proargnames[1 : p.pronargs], ', ')
FROM pg_proc p
WHERE p.pronamespace = 'vmclone'::regnamespace
	AND p.proname IN (SELECT object_name FROM vmclone.role_rights() WHERE object_type = 'routine'
		UNION ALL VALUES ('use_inventory'), ('grant_admin'))
	AND p.proname NOT IN ('caller_name', 'caller_sees_all', 'caller_user_id', 'inventory_rows', 'see_all_jobs',
		'act_for_any_user', 'administer', 'identity_state', 'worker_preloaded', 'library_version')
SQL
my %documented = map { (/^(\w+)/)[0] => $_ } keys %$functions;
is_deeply([ sort keys %documented ], [ sort keys %signatures ], 'README: every public function, and no other');
foreach my $name (grep { $signatures{$_} } sort keys %documented)
{
	my ($arguments) = $documented{$name} =~ /\((.*)\)/;
	next if $arguments eq '…' && $name =~ /^(?:can_|plan_)?add_vm/;
	ok(scalar(grep { $_ eq ($arguments // '') } @{ $signatures{$name} }), "README: parameters of $name")
	  or diag("documented ($arguments), there are (" . join(') and (', @{ $signatures{$name} }) . ')');
}

# --- the parameters of add_vm_from_snapshot and its like
my $parameters = table('Parameters');
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
is_deeply([ sort keys %$parameters ], [ sort keys %parameter_defaults ], 'README: every parameter, and no other');
foreach my $name (sort keys %$parameters)
{
	my ($default) = $parameters->{$name} =~ /^([^|]*?) *\|/;
	is($default, $parameter_defaults{$name}, "README: default of parameter $name");
}

# --- views
my $views = table('Views');
my @views = map { $_->[0] } query(<<'SQL');
SELECT c.relname FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
WHERE c.relnamespace = 'vmclone'::regnamespace AND c.relkind = 'v'
SQL
is_deeply([ sort keys %$views ], [ sort @views ], 'README: every view, and no other');
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
