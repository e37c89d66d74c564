#!/usr/bin/perl
# docs/architecture.md, "Who may use whom": an include against the arrow is a mistake.
use strict;
use warnings;
use File::Basename qw(basename);
use Test::More;

# From the ground up; a module may include its own layer's headers and those below.  First match counts.
my @layers = (
	[ qr/^(?:errors|json|settings|statement|frame|audit|caller)$/ => 0 ],
	[ qr/^ovf/ => 1 ],
	[ qr/^(?:configuration|request|row_copy)/ => 2 ],
	[ qr/^plan/ => 3 ],
	[ qr/^clone_again$/ => 5 ],
	[ qr/^(?:check|quota|locks$|clone|mac_pool|lineage)/ => 4 ],
	[ qr/^(?:wake|worker_start)/ => 4 ],
	[ qr/^(?:command|unlock|inventory|measure|storage_command|identity|preview)/ => 5 ],
	[ qr/^(?:job_|volume_)/ => 6 ],
	[ qr/^(?:worker|launcher|control|storage)/ => 7 ],
	[ qr/^vmclone$/ => 8 ],);

# Headers that belong lower than the code behind them: what backends know of the worker is how to wake it; what the
# plan knows of quota is its modes.
my %header_layer = ('worker.h' => 4, 'quota.h' => 3);

sub layer
{
	my ($module) = @_;
	foreach my $layer (@layers)
	{
		return $layer->[1] if $module =~ $layer->[0];
	}
	return undef;
}

sub includes
{
	my ($file) = @_;
	open(my $handle, '<', $file) or die "cannot open $file: $!";
	return map { /^#\s*include\s+"([^"]+)"/ ? $1 : () } <$handle>;
}

my (@against, @unknown, %own);
$own{ basename($_) } = 1 foreach glob('src/*.h');
foreach my $file (sort glob('src/*.[ch]'))
{
	my ($module) = basename($file) =~ /^(\w+)\./;
	my $layer = layer($module);

	if (!defined $layer)
	{
		push @unknown, $module;
		next;
	}
	foreach my $header (grep { $own{$_} } includes($file))
	{
		my $below = $header_layer{$header} // layer($header =~ s/\.h$//r);
		push @against, "$file includes $header" if defined $below && $below > $layer;
	}
}
is(join("\n", @unknown), '', 'every module has its layer (in this test, and in docs/architecture.md)');
is(join("\n", @against), '', 'no include against the arrow');

my %copy_own = map { basename($_) => 1 } glob('src/copy/*.h');
is(join("\n", map { my $file = $_; map { "$file includes $_" } grep { !$copy_own{$_} } includes($file) } glob('src/copy/*.[ch]')),
	'', 'the copier includes nothing but its own');
done_testing();
