#!/usr/bin/perl
# docs/copier-protocol.md against src/contract/copier_protocol.h, both ways, and against what vmclone-copy really says.
use strict;
use warnings;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

sub text_of { my ($file) = @_; open(my $handle, '<', $file) or die "cannot open $file: $!"; local $/; return scalar <$handle> }
my $page   = text_of('docs/copier-protocol.md');
my $header = text_of('src/contract/copier_protocol.h');

# words of the first column of the tables of a section, or those of so many columns: `a`, `b`; with what stands in the others
sub table
{
	my ($section, $columns) = @_;
	my ($text) = $page =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms or die "no section $section";
	my %rows;
	foreach my $line ($text =~ /^(\|.*\|)$/mg)
	{
		my @cells = map { s/^\s+|\s+$//gr } split /(?<!\\)\|/, $line =~ s/^\||\|$//gr;
		next if $columns && @cells != $columns;
		$rows{$_} = [ @cells[ 1 .. $#cells ] ] foreach $cells[0] =~ /`([^`]+)`/g;
	}
	return %rows;
}

sub words { my ($prefix) = @_; return map { $_ => 1 } $header =~ /^#define ${prefix}\w+\s+"([^"]+)"/mg }
sub same { my ($got, $expected, $name) = @_; is(join(' ', sort keys %$got), join(' ', sort keys %$expected), $name) }

my %limits  = table('Limits');
my %defined = $header =~ /^#define (COPIER_(?:MAX|VOLUME_SIZE|DEFAULT)_\w+)\s+(\d+)/mg;
same(\%limits, \%defined, 'the limits');
is($limits{$_}[0], $defined{$_}, "$_") foreach sort keys %defined;

my %codes = $header =~ /(COPIER_EXIT_\w+) = (\d+)/g;
my %documented_codes = map { /^\| (\d+) \| `(\w+)` \|/ ? ($2 => $1) : () } split /\n/, $page;
is_deeply(\%documented_codes, \%codes, 'the exit codes');

my %kinds = map { $_->[0] => [ map { $codes{"COPIER_EXIT_$_"} } @$_[ 1, 2 ] ] }
  map { [ /^\s*KIND\(\w+, "(\w+)", (\w+), (\w+)\)/ ] } grep { /^\s*KIND\(/ } split /\n/, $header;
my %documented = table('Kinds of errors');
is_deeply({ map { $_ => [ @{ $documented{$_} }[ 0, 1 ] ] } keys %documented }, \%kinds, 'the kinds of errors and their exit codes');

my %subcommands = table('Subcommands');
same(\%subcommands, { words('COPIER_(?=COPY|MEASURE|MAP|VERIFY|VOLUME|SEQUENCE|SERVE)'), words('COPIER_VOLUME_') }, 'subcommands and verbs');
my %options = table('Options');
my %defined_options = words('COPIER_OPTION_');
same(\%options, { map { ("--$_" => 1) } keys %defined_options }, 'the options that the worker gives');
my ($values) = $page =~ /^## Options\n(.*?)(?=^## )/ms;
like($values, qr/`\Q$_\E[`:]/, "$_ is explained") foreach sort keys %{ { words('COPIER_(?=FORMAT|COMPAT|PROGRESS|WORD|SUFFIX)') } };
my ($worker, $copier) = map { join '', map { text_of($_) } @$_ } [ glob('src/job/*.c src/storage/*.c src/import/*.c src/worker/*.c') ],
  [ glob('src/copy/command/options.c src/copy/command/dispatch.c src/copy/volume/volume.c') ];
is(join(' ', $worker =~ /"(?:--[a-z-]+|volume|copy|measure)"/g), '', 'the worker takes them from the contract');
foreach my $name (sort($header =~ /^#define (COPIER_OPTION_\w+)/mg))
{
	ok($worker =~ /\b$name\b/, "$name: the worker gives it");
	ok($copier =~ /\b$name\b/, "$name: the copier takes it");
}
my %control = table('Control lines');
same(\%control, { words('COPIER_CONTROL_') }, 'control lines');
my %phases = table('Phases');
same(\%phases, { words('COPIER_PHASE_') }, 'phases');
my %events = words('COPIER_EVENT_');
my %fields = words('COPIER_FIELD_');
my %rows   = table('Events', 3);
same(\%rows, \%events, 'events');
my %documented_fields = table('Events', 2);
same(\%documented_fields, \%fields, 'fields');
my %fields_of = map { $_ => { map { $_ => 1 } $rows{$_}[1] =~ /`(\w+)`/g } } keys %events;
$fields_of{$_}{event} = 1 foreach keys %fields_of;
foreach my $event (sort keys %fields_of)
{
	is(join(' ', grep { !$fields{$_} } sort keys %{ $fields_of{$event} }), '', "the fields of $event are fields");
}

# what the program says
my $space = tempdir(CLEANUP => 1);
{
	open(my $image, '>', "$space/base") or die;
	print {$image} 'data' x 262144;
}
my %seen;

sub hear
{
	my ($name, @command) = @_;
	my $command = join ' ', map { "'$_'" } './vmclone-copy', @command;

	foreach my $line (`$command 2>$space/stderr </dev/null`)
	{
		my $object = decode_json($line);
		my $event  = $object->{event} // next;
		my @strange = grep { !$fields_of{$event}{$_} } sort keys %$object;
		$seen{$event}{$_} = 1 foreach keys %$object;
		is("@strange", '', "$name: the fields of $event") if @strange;
	}
	return $? >> 8;
}
is(hear('a copy', 'copy', '--layer', "raw:$space/base", '--output', "raw:$space/out", '--verify', '--progress', 'json'), $codes{COPIER_EXIT_DONE},
	'a copy');
is(hear('the same again', 'copy', '--layer', "raw:$space/base", '--output', "raw:$space/out", '--progress', 'json'), $kinds{exists}[0],
	'the same again');
is(hear('no image', 'copy', '--layer', "qcow2:$space/base", '--output', "raw:$space/new", '--progress', 'json'), $kinds{refused}[0], 'no image');
is(join(' ', grep { !$events{$_} } sort keys %seen), '', 'only events that are documented');
foreach my $event (qw(plan done error phase))
{
	is(join(' ', sort keys %{ $seen{$event} }), join(' ', sort keys %{ $fields_of{$event} }), "every field of $event comes");
}
# with a lease, each of them tells the clock
%seen = ();
$fields_of{$_}{clock} = 1 foreach keys %fields_of;
is(hear('a leased copy', qw(--lease 60 copy --layer), "raw:$space/base", '--output', "raw:$space/leased", qw(--progress json)),
	$codes{COPIER_EXIT_DONE}, 'a copy with a lease');
is(join(' ', grep { !$seen{$_}{clock} } sort keys %seen), '', 'each of its events tells the clock');
my $request = "measure\0--root\0$space\0--layer\0raw:$space/base\0--format\0raw\0";
{
	open(my $handle, '>', "$space/request") or die;
	print {$handle} "vmclone-request 1 7 @{[ length $request ]}\n$request";
}
my @served = map { decode_json($_) } split /\n/, `./vmclone-copy serve --root $space <$space/request`;
is(join(' ', map { $_->{event} // 'answer' } @served), 'ready answer ended', 'what serve says');
foreach my $said (@served[0, 2])
{
	my %expected = map { $_ => 1 } 'event', $rows{ $said->{event} }[1] =~ /`(\w+)`/g;
	same($said, \%expected, "every field of $said->{event} comes");
}

my $measured = decode_json(scalar `./vmclone-copy measure --layer raw:$space/base --format raw`);
is(join(' ', grep { !$fields{$_} } sort keys %$measured), '', 'the fields of measure');
my $refused = decode_json(scalar `./vmclone-copy volume space --root $space/none`);
is(join(' ', sort keys %$refused), 'errno hint kind message ok path', 'the fields of a refusal');
is($? >> 8, $kinds{ $refused->{kind} }[1], 'its exit code');
done_testing();
