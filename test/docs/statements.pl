#!/usr/bin/perl
# How SQL is written, in C and in the parts of the install script ("How SQL is written", docs/design/decisions.md).
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

my @c_files = grep { !m,^src/copy/, } glob('src/*.[ch] src/*/*.[ch]');
my @parts = glob('src/*/*.sql src/*/*/*.sql');

# columns that hold oVirt's numbers; "status" and "type" are numbers in oVirt's tables only, but words elsewhere
my $codes = qr/(?:imagestatus|volume_format|volume_type|volume_classification|qcow_compat|template_status|status|type
	|storage_type|storage_domain_type|disk_storage_type|disk_content_type|bios_type|default_display_type|usb_policy
	|cpu_pinning_policy|vm_type|origin|architecture|quota_enforcement_type|object_type_id|action_group_id|severity|log_type)/x;
# a column, compared with or set to a number, or looked up by one
my $bare = qr/\b$codes\b'?(?:\)|::\w+)*(?:,\s*\d+\))?\s*(?:=|<>|<|>|(?:NOT\s+)?IN\s*\(|WHEN)\s*'?-?\d+/;

# what a C file says in SQL: literals, joined; comments and messages aren't SQL
sub literals
{
	my ($text) = @_;
	my @found;

	$text =~ s,/\*.*?\*/, ,gs;
	$text =~ s/\\\n/ /g;
	while ($text =~ /((?:"(?:[^"\\]|\\.)*"\s*)+)/g)
	{
		push @found, $1 =~ s/"\s*"//gr;
	}
	return @found;
}

my (@spelling, @qualified, @catalogs, @numbers, @columns);
foreach my $file (@c_files)
{
	my $text = slurp($file);

	foreach my $sql (literals($text))
	{
		push @spelling, "$file: $1" if $sql =~ /(\b(?:coalesce|nullif|greatest|least)\()/;
		push @spelling, "$file: $1" if $sql =~ /^"\s*((?:select|insert into|update \w+ set|delete from|lock table)\s.*)/;
		push @qualified, "$file: $1" if $sql =~ /(pg_catalog\.\w+\()/;
		push @catalogs, "$file: $1" if $sql =~ /(\b(?:FROM|JOIN) pg_(?!catalog\b|temp\b)\w+(?!\w|\())/;
		push @numbers, "$file: $1" if $sql =~ /($bare)/ && $file ne 'src/ovirt/ovirt_codes.h';
	}
	push @numbers, "$file: $1"
	  if $text =~ /((?:->|\.)(?:\w+_)?(?:architecture|storage_type|domain_type|bios_type|(?:image|template|vm|pool)_?status)\s*(?:==|!=|[<>]|<=)\s*\d+)/;
	push @columns, "$file: $1"
	  if $text =~ /(\b(?:field_(?:is_null|text|uuid|int64|bool|jsonb|timestamp)|field_\w*array|field_uuids)\([^,()]+,\s*\d+\b)/;
	push @columns, "$file: $1" if $text =~ /(SPI_get(?:bin)?val(?:ue)?\([^;]*?,\s*\d+\s*[,)])/s;
}
foreach my $file (@parts)
{
	my $number = 0;
	my $part = slurp($file);

	push @qualified, "$file: $1" while $part =~ /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)[^;]*?\$\$(?:(?!\$\$).)*?(pg_catalog\.\w+\()/msg;

	foreach my $line (split /\n/, $part)
	{
		$number++;
		next if $line =~ /^COMMENT ON /;
		my $sql = $line =~ s/\s*--.*//r =~ s/''/'/gr;

		push @spelling, "$file:$number: $1" if $sql =~ /(\b(?:coalesce|nullif|greatest|least)\()/;
		push @spelling, "$file:$number: $1"
		  if $sql =~ /^\s*((?:select|insert into|update|delete from|create|alter|from|where|join)\s.*)/;
		# in a part each number has its word beside it: WHEN 4 THEN 'COW', or imagestatus = 4 /* ILLEGAL */
		my $named = $sql =~ s/\bWHEN -?\d+ THEN '\w+'/ /gr;
		$named =~ s,\d+(?:\, \d+)* /\* [\w ()\,]+ \*/, ,g;
		push @numbers, "$file:$number: $1" if $named =~ /($bare)/;
	}
}
is(join("\n", @spelling), '', 'grammar is upper case, COALESCE and its like too');
is(join("\n", @qualified), '', 'in C and in bodies of routines functions of PostgreSQL stand without pg_catalog');
is(join("\n", @catalogs), '', 'in C catalog tables stand with it');
is(join("\n", @columns), '', 'results are read by the names of columns');
is(join("\n", @numbers), '', "oVirt's numbers have names: in C from ovirt_codes.h, in parts beside them");

# a routine is called by the schema that has it
my (%schema_of, @schemas);
foreach my $part (@parts)
{
	my $text = slurp($part);

	$schema_of{$2} = $1 while $text =~ /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (?:(vmclone\w*|\@extschema\@)\.)?(\w+)/mg;
}
$_ = !defined || /\@/ ? 'vmclone' : $_ foreach values %schema_of;
cmp_ok(scalar(keys %schema_of), '>', 70, 'the routines');
foreach my $file (@c_files, grep { !/upgrade_before/ } @parts)
{
	my $text = slurp($file);

	while ($text =~ /\b(vmclone(?:_internal)?|\@extschema\@)\.(\w+)(?=\()/g)
	{
		my ($schema, $name) = ($1 =~ /\@/ ? 'vmclone' : $1, $2);
		push @schemas, "$file: $schema.$name" if ($schema_of{$name} // $schema) ne $schema;
	}
}
is(join("\n", @schemas), '', 'what only vmclone calls is called in schema vmclone_internal');

# what the patterns are for
like('i.imagestatus = 4', $bare, 'a number is seen');
like(q{COALESCE(b.disk_content_type, 0) NOT IN (1, 2)}, $bare, 'behind COALESCE');
like(q{o ->> 'disk_storage_type' <> '0'}, $bare, 'in a document');
like('CASE (o)::integer, i.volume_format WHEN 4', $bare, 'in CASE');
unlike(q{imagestatus = " SQL_IMAGE_STATUS_OK "}, $bare, 'a name is none');

# each number of oVirt's has one name, and no other header has any of its names
my %defined;
foreach my $file (@c_files)
{
	push @{ $defined{$_} }, $file foreach slurp($file) =~ /^#define (\w+) +-?\d+$/mg;
}
is(join("\n", map { "$_: @{ $defined{$_} }" } grep { @{ $defined{$_} } > 1 } sort keys %defined), '', 'no number is defined twice');
done_testing();
