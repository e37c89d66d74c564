# The OVF reader where libxml2 2.9 takes a cut text for whole, and when it is interrupted; names that are expanded.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use VmcloneCluster;
use Test::More;

my $folder = tempdir(CLEANUP => 1);
my $cc = $ENV{CC} // 'cc';
my $flags = `pkg-config --cflags --libs libxml-2.0 uuid`;
chomp $flags;

sub lines_of
{
	my ($options, @files) = @_;
	system("$cc -std=gnu11 -Isrc $options -o $folder/limits test/ovf/limits.c src/ovf/*.c $flags") == 0 or die 'limits.c does not build';
	return split /\n/, `$folder/limits @files`;
}

# libxml2's limit for a text is 10,000,000 bytes
my @lines = lines_of('-DOVF_MAX_BYTES=33554432');
is($lines[0], 'limit: raised', 'the reader takes what is longer than libxml2 does');
is($lines[1], 'small: read, 100 bytes of description', 'a document');
like($lines[2], qr/^long text: (refused: (?!.*missing)|read, 12000000 )/, 'with a text beyond libxml2\'s limit it is refused or read whole, and not cut or without what follows');
like($lines[3], qr/^not interrupted: read/, 'the reader asks whether it is interrupted');
is($lines[4], 'interrupted: refused: reading was interrupted', 'and stops');
is($lines[5], 'asked: 5', 'at once');
@lines = lines_of('');
is($lines[0], 'limit: as in the server', 'in the server');
is($lines[2], 'long text: refused: the document is larger than 8 MiB', 'its own limit is below libxml2\'s');

# one of many small pieces of memory is missing, and the next one is there again
@lines = lines_of('-DOVF_CHUNK_SIZE=128 -fsanitize=address,undefined -fno-sanitize-recover=all', glob 'test/ovf/*.xml');
my @refused = grep { /^out of memory: refused (\d+) of \1 times, 0 pieces left$/ && $1 > 100 } @lines;
is(scalar(@refused), 4, 'without memory each document is refused, wherever it was missing') or diag(join "\n", @lines);

my $node = VmcloneCluster->start_new('ovf', preload => 0);
my $vm = $node->make_vm;
my ($code, $out, $error) = $node->psql('postgres', q{
	SET statement_timeout = '1ms';
	SELECT vmclone.parse_ovf('<a>' || repeat('<b c="" d=""/>', 190000) || '</a>');
});
like($error, qr/canceling statement due to statement timeout/, 'a statement is cancelled while it reads');

# {n} is measured before it is expanded: a viewer's call took 2.5 GB
for my $call ('can_add_vm_from_snapshot', 'plan_add_vm_from_snapshot', 'add_vm_from_snapshot')
{
	($code, $out, $error) =
	  $node->psql('postgres', "SELECT * FROM vmclone.$call('$vm->{snapshots}[1]', repeat('{n}', 1000000), copies => 1000)");
	like($error, qr/name "\{n\}.*" is too long\nDETAIL:  It has 3000000 bytes; more than 4096 are not looked at\./, "$call refuses a name that would be a thousand times as long");
}
($code, $out, $error) = $node->psql('postgres',
	"SELECT * FROM vmclone.can_add_vm_from_snapshot('$vm->{snapshots}[1]', 'a', copies => 2, copy_overrides => jsonb_build_array(jsonb_build_object('vm_name', repeat('x', 5000))))");
like($error, qr/is too long/, 'a copy\'s own name too');

$node->stop;
done_testing();
