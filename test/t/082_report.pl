# vmclone report: one page that needs no network, true to the rows, and what a real browser shows of it.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('primary');
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', size => '64M' }, {} ]);
my $bindir = VmcloneCluster::pg_config('--bindir');
my $program = "$ENV{VMCLONE_INSTALLED}$bindir/vmclone";
my $page = $node->basedir . '/report.html';

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
$ENV{VMCLONE_COPY} = $node->value('SHOW vmclone.copy_program');
$ENV{TMPDIR} = $node->basedir;

sub run_it
{
	my ($stdout, $stderr) = ('', '');
	IPC::Run::run([ $program, @_ ], '<', \undef, '>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}

sub slurp
{
	my ($path) = @_;
	open(my $handle, '<:raw', $path) or die "$path: $!";
	local $/;
	return scalar <$handle>;
}

# markup in a name is text
$node->safe_psql('postgres', q{UPDATE vmclone.snapshots SET description = '<script>alert("1")</script> & so' WHERE snapshot_id = } . VmcloneCluster::literal($vm->{snapshots}[0]));
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'copy1');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone');
my ($status, $out, $err) = run_it('report', '--compare', '--output', $page, 'copy1');
is($status, 0, 'vmclone report') or diag $err;
my $html = slurp($page);

is(join(' ', $html =~ /<section id="(\w+)"/g), 'job snapshots chains times sizes compared', 'its parts');
unlike($html =~ s/xmlns(?::\w+)?="[^"]*"//gr, qr{https?://|src=|href=|\@import|url\(|<script}, 'nothing of it is anywhere else, no script');
like($html, qr/&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt; &amp; so/, "a snapshot's name is text");
is(scalar(() = $html =~ /<tr class="source">/g), 1, 'the snapshot that was cloned is marked');
my @figures = $html =~ /(<figure .*?<\/figure>)/gs;
is(scalar(@figures), 2, 'a picture for each disk');
is(scalar(() = $_ =~ /<g data-layer=/g), 2, 'with a row for each layer') foreach @figures;
my ($times) = $html =~ /<section id="times">(.*?)<\/section>/s;
my @methods = split /\n/, $node->value("SELECT string_agg(method, E'\\n' ORDER BY disk_number) FROM vmclone.progress WHERE job_id = '$job->{job_id}'");
is(join(' ', $times =~ /<rect class="([\w-]+)"/g), "@methods", 'the time line has a bar in the colour of each method');
my ($begun, $over) = $times =~ /<p>Begun ([\d.]+) s after the call, over after ([\d.]+) s\.<\/p>/ or fail("how long it took: $times");
my @ticks = $times =~ /<g class="tick"><line x1="(\d+)" [^>]*\/><text [^>]*>[\d.]+ s<\/text>/g;
is("@ticks", '260 380 500 620 740', 'over a scale');
my ($end) = $times =~ /.*<g class="tick">.*?>([\d.]+) s<\/text>/s;
cmp_ok(abs($end - $over), '<=', 0.011, 'which ends where the last disk does');
foreach my $size (split /\n/, $node->value("SELECT string_agg(pg_size_pretty(actual_size), E'\\n') FROM vmclone.disks WHERE vm_name = 'copy1'"))
{
	like($html, qr/<td>\Q$size\E<\/td>/, "size $size");
}
is(scalar(() = $html =~ /<td>[\d.]+ s<\/td><td>[\d.]+ s<\/td><td>[\d.]+ times as fast<\/td><td>[\d.]+ MiB<\/td><td>[\d.]+ MiB<\/td>/g), 2, 'compared: times and sizes of both');
is(join(' ', glob($node->basedir . '/vmclone-report.*')), '', 'and nothing of that is left');

# --- what can't be seen
rename("$vm->{disks}[0]{path}/$vm->{disks}[0]{images}[0]", "$vm->{disks}[0]{path}/away") or die;
($status, $out, $err) = run_it('report', 'copy1');
is($status, 0, 'an image that is gone');
like($out, qr/<p class="note">Not drawn: .*No such file/, 'is said to be');
rename("$vm->{disks}[0]{path}/away", "$vm->{disks}[0]{path}/$vm->{disks}[0]{images}[0]") or die;
($status, $out, $err) = run_it('--json', 'report', 'copy1');
like($out, qr/^\{.*"disks": \[.*"layers": \[/, 'the same in JSON');
($status, $out, $err) = run_it('report', 'nobody');
is($status, 1, 'no such job');
$node->safe_psql('postgres', q{CREATE ROLE other LOGIN; SELECT vmclone.grant_operator('other', fixture.id('alice'))});
($status, $out, $err) = run_it('-U', 'other', 'report', $job->{job_id});
like("$status $err", qr/^1 .*no such job, or it is another role's/, "another role's");

# --- in a browser
SKIP:
{
	my ($chromium) = grep { -x } map { "$_/chromium" } split /:/, "$ENV{PATH}:/usr/bin";
	skip 'no chromium (tools/install-packages browser)', 5 unless $chromium;
	my $home = $node->basedir . '/browser';
	mkdir $home or die;
	local $ENV{HOME} = $home;
	# its sockets have short names
	local $ENV{TMPDIR} = "/tmp";
	my @run = ($chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', "--user-data-dir=$home/data", '--window-size=1300,1600');

	IPC::Run::run([ @run, "--screenshot=$home/page.png", "file://$page" ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120));
	ok(-s "$home/page.png", 'a real browser draws it') or diag $err;
	# rows of the picture in which a colour is seen, as bands: first-last
	my $bands = sub {
		my ($color, $least) = @_;
		open(my $python, '-|', 'python3', '-c', <<'PYTHON', "$home/page.png", $color, $least) or die;
import struct, sys, zlib
data = open(sys.argv[1], 'rb').read()
want = bytes.fromhex(sys.argv[2])
at, pixels = 8, b''
while at < len(data):
    length, kind = struct.unpack('>I4s', data[at:at + 8])
    body = data[at + 8:at + 8 + length]
    if kind == b'IHDR':
        width, height, depth, colors = struct.unpack('>IIBB', body[:10])
        assert depth == 8 and colors in (2, 6)
        step = 3 if colors == 2 else 4
    elif kind == b'IDAT':
        pixels += body
    at += 12 + length
pixels = zlib.decompress(pixels)
before, seen = bytearray(width * step), []
for y in range(height):
    kind = pixels[y * (width * step + 1)]
    line = bytearray(pixels[y * (width * step + 1) + 1:(y + 1) * (width * step + 1)])
    for i in range(len(line)):
        a = line[i - step] if i >= step else 0
        b = before[i]
        c = before[i - step] if i >= step else 0
        if kind == 1: line[i] = (line[i] + a) & 255
        elif kind == 2: line[i] = (line[i] + b) & 255
        elif kind == 3: line[i] = (line[i] + (a + b) // 2) & 255
        elif kind == 4:
            p = a + b - c
            pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
            line[i] = (line[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
    before = line
    if sum(1 for x in range(0, len(line), step) if line[x:x + 3] == want) >= int(sys.argv[3]):
        seen.append(y)
bands = []
for y in seen:
    if bands and y - bands[-1][1] <= 2: bands[-1][1] = y
    else: bands.append([y, y])
print('\n'.join('%d-%d' % (a, b) for a, b in bands if b - a >= 6))
PYTHON
		my @found = map { [ /^(\d+)-(\d+)$/ ] } <$python>;
		close $python or die 'the picture cannot be read';
		return @found;
	};
	my %colors = ('reflink' => '009e73', 'copy_file_range' => '56b4e9', 'threads-direct' => '0072b2', 'threads-buffered' => 'e69f00');
	my @source = $bands->('eef6ff', 100);
	my @layers = $bands->('f4f4f4', 20);
	my @bars = grep { $_->[0] > $layers[-1][1] } $bands->($colors{ $methods[0] }, 2);

	is(scalar(@source), 1, 'the marked snapshot is one coloured line');
	is(scalar(@layers), 4, 'two chains with two layers each');
	is(scalar(@bars), 2, 'a bar for each disk') or diag explain [ \@layers, [ $bands->($colors{ $methods[0] }, 2) ] ];
	ok($source[0][1] < $layers[0][0] && $layers[-1][1] < $bars[0][0], 'one below the other: snapshots, chains, time line');
}
$node->stop;
done_testing();
