#!/usr/bin/perl
# map --svg: the picture of a chain, well-formed whatever the names are, says the same as map's lines.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $space = workspace();
chdir $space or die;
my $odd = "a<b>&\"c\xff.raw";
# 48 MiB, of which a column of the picture is a tenth of a MiB
spew($odd, 'x' x (8 << 20));
truncate $odd, 48 << 20;
command_ok(qw(qemu-img create -q -f qcow2 top.qcow2 48M));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 1 24M 12M', '-c', 'write -q -z 0 4M', 'top.qcow2');
my @layers = ('--layer', "raw:$odd", '--layer', 'qcow2:top.qcow2');

# The header of top.qcow2 names no backing file; the chain is drawn all the same once it does.
command_ok(qw(qemu-img rebase -q -u -f qcow2 -F raw -b), $odd, 'top.qcow2');
my ($code, $svg, $err) = run_command([ $copier, 'map', @layers, '--svg' ]);
is($code, 0, 'a picture') or diag $err;
my ($lines_code, $lines) = run_command([ $copier, 'map', @layers ]);

SKIP:
{
	skip 'xmllint is not installed', 1 unless have_command('xmllint');
	spew('picture.svg', $svg);
	is((run_command([qw(xmllint --noout picture.svg)]))[0], 0, 'well-formed');
}
unlike($svg, qr/<(?:script|image|a|use)\b|href|url\(/, 'nothing in it that runs or is fetched');
like($svg, qr/a&#60;b&#62;&#38;"c\xef\xbf\xbd\.raw/, 'names are text, whatever they hold');

# bytes that the boxes of a layer and color stand for
my %color = (data => '#0072b2', zero => '#999999', compressed => '#d55e00');
my ($columns, $size) = (480, 2);
sub drawn
{
	my ($layer, $kind) = @_;
	my ($row) = $svg =~ m{<g id="layer$layer">(.*?)</g>}s;
	my $sum = 0;
	while ($row =~ /<rect x="(\d+)" y="\d+" width="(\d+)" height="\d+" fill="$color{$kind}" fill-opacity="([\d.]+)"/g) { $sum += $2 / $size * $3 }
	return $sum * (48 << 20) / $columns;
}
my %owned;
foreach my $extent (map { json_of($_) } split /\n/, $lines)
{
	$owned{"$extent->{layer} $extent->{kind}"} += $extent->{length} if defined $extent->{layer};
}
is(join(',', sort keys %owned), '0 data,1 data,1 zero', 'what map says is there');
foreach my $what (sort keys %owned)
{
	my ($layer, $kind) = split / /, $what;
	my $error = abs(drawn($layer, $kind) - $owned{$what}) / $owned{$what};
	cmp_ok($error, '<', 0.03, "layer $layer, $kind: as much is drawn as map says");
}
is(drawn(0, 'compressed') + drawn(1, 'compressed'), 0, 'and nothing else');
is((run_command([ $copier, 'copy', @layers, '--output', 'raw:out', '--svg' ]))[0], 2, '--svg belongs to map');
done_testing();
