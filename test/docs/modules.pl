#!/usr/bin/perl
# docs/architecture.md, "Who may use whom": a folder is a module, its table says exactly which ones it uses, and there is no
# way round in a circle.  Used is what a source includes, and what an object calls of another module's.
use strict;
use warnings;
use File::Basename qw(basename);
use Test::More;

open(my $page, '<', 'docs/architecture.md') or die "cannot open docs/architecture.md: $!";
my $text = do { local $/; <$page> };

my %documented;
while ($text =~ m{^\| `([\w/]+)` \| [^|]+ \|([^|]*)\|$}mg)
{
	my ($module, $used) = ($1, $2);
	$documented{$module} = { map { $_ => 1 } $used =~ m{`([\w/]+)`}g };
}

# src/plan/x.c is of module plan, src/copy/chain/x.c of copy/chain, src/vmclone.c of vmclone; objects alike
sub module
{
	my ($path) = @_;
	return $1 if $path =~ m{^(?:src|build)/(copy/\w+)/};
	return $1 if $path =~ m{^src/(\w+)[/.]};
	die "no module: $path";
}

my %used;
my @sources = (glob('src/*.[ch]'), glob('src/*/*.[ch]'), glob('src/copy/*/*.[ch]'));
my @strange;
foreach my $file (@sources)
{
	open(my $handle, '<', $file) or die "cannot open $file: $!";
	$used{ module($file) } //= {};
	foreach my $header (map { /^#\s*include\s+"([^"]+)"/ ? $1 : () } <$handle>)
	{
		if (-e "src/$header")
		{
			$used{ module($file) }{ module("src/$header") } = "$file includes $header";
		}
		elsif ($file =~ m{^src/copy/})
		{
			push @strange, "$file includes $header";
		}
	}
}
is(join("\n", @strange), '', 'the copier includes nothing but its own');

# what was built of a source that is gone by now may still lie there
my @objects = grep { -e s/o$/c/r } (glob('src/*.o'), glob('src/*/*.o'));
my @copy_objects = grep { -e s{^build/(.*)o$}{src/$1c}r } glob('build/copy/*/*.o');
cmp_ok(scalar(@objects), '>', 90, 'the objects of the library are there');
cmp_ok(scalar(@copy_objects), '>', 50, 'the objects of the copier are there');

# object => { defined => symbols, called => symbols }
my %symbols;
foreach (`nm -A @objects @copy_objects`)
{
	push @{ $symbols{$1}{defined} }, $2 if /^([^:]+):[0-9a-f]+ [TDBRVW] (\S+)/;
	push @{ $symbols{$1}{called} }, $2 if /^([^:]+): +U (\S+)/;
}

foreach my $set (\@objects, \@copy_objects)
{
	my (%defined_in, %calls);
	foreach my $object (@$set)
	{
		$defined_in{$_} = $object foreach @{ $symbols{$object}{defined} };
		$calls{$object}{$_} = 1 foreach @{ $symbols{$object}{called} };
	}
	foreach my $object (sort keys %calls)
	{
		foreach my $symbol (grep { $defined_in{$_} } sort keys %{ $calls{$object} })
		{
			$used{ module($object) }{ module($defined_in{$symbol}) } = "$object uses $symbol";
		}
	}
}
delete $used{$_}{$_} foreach keys %used;

is(join(' ', sort keys %documented), join(' ', sort keys %used), 'the tables have every module, and no other');
foreach my $module (sort keys %used)
{
	my @undocumented = map { "$_: $used{$module}{$_}" } grep { !$documented{$module}{$_} } sort keys %{ $used{$module} };
	my @needless = grep { !$used{$module}{$_} } sort keys %{ $documented{$module} };

	is(join("\n", @undocumented), '', "$module uses only what the table says");
	is(join(' ', @needless), '', "$module uses all that the table says");
}

# who uses nothing that is left can be taken away; a circle stays
my %left = map { $_ => { %{ $used{$_} } } } keys %used;
while (my @leaves = grep { !%{ $left{$_} } } keys %left)
{
	delete @left{@leaves};
	delete @{ $left{$_} }{@leaves} foreach keys %left;
}
is(join(' ', sort keys %left), '', 'no circle of modules');

# Circles of files within a module: a file stands for its .c and the header of the same name.
my (%file_uses, %defines);
foreach my $object (@objects, @copy_objects)
{
	$defines{$_} = $object foreach @{ $symbols{$object}{defined} };
	$file_uses{$object} = {};
}
foreach my $object (keys %file_uses)
{
	foreach my $symbol (@{ $symbols{$object}{called} })
	{
		my $other = $defines{$symbol};
		$file_uses{$object}{$other} = 1 if $other && $other ne $object && module($other) eq module($object);
	}
}
while (my @leaves = grep { !%{ $file_uses{$_} } } keys %file_uses)
{
	delete @file_uses{@leaves};
	delete @{ $file_uses{$_} }{@leaves} foreach keys %file_uses;
}
is(join(' ', sort keys %file_uses), '', 'no circle of files within a module');

my %names = map { basename($_) => 1 } @sources;
is(join(' ', grep { !$names{$_} && !/\*/ } $text =~ /`([\w*]+\.[ch])`/g), '', 'the files that docs/architecture.md names are there');
done_testing();
