# The provisioning program for plain LVM, on a real volume group: whose it is, what create leaves, what commit and remove do,
# and that the same call again goes on.
use strict;
use warnings;
use Guest;
use JSON::PP;
use Test::More;
use VmcloneCluster;

my $program = copier() =~ s/vmclone-copy$/vmclone-provision-lvm/r;
my $token = '11111111-1111-4111-8111-111111111111';
my $image = '22222222-2222-4222-8222-222222222222';
my $disk = '33333333-3333-4333-8333-333333333333';
my $mib = 1 << 20;

# exit status, answer, and the lines before it
sub provision
{
	my ($action, %request) = @_;
	my $input = encode_json({ protocol => 1, vg => 'iscsi', token => $token, %request });
	my ($out, $err) = ('', '');

	IPC::Run::run([ $program, $action ], '<', \$input, '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	my @lines = eval { map { decode_json($_) } split /\n/, $out } or diag "$out$err";
	my $answer = pop @lines || {};
	return ($status, $answer, @lines);
}

my ($status, $answer) = provision('space');
is("$status $answer->{kind}", '1 not_attached', 'a group that is not attached is left alone');
($status, $answer) = provision('attach');
is($status, 0, 'attach');
is($answer->{extent_size}, 4 * $mib, 'attach: size of an extent');
my $free = $answer->{available_bytes};
cmp_ok($free, '>', 1000 * $mib, 'attach: free space');
($status, $answer) = provision('attach', token => $disk);
is("$status $answer->{kind}", '1 other_owner', 'a group of another database is refused');
($status, $answer) = provision('space', token => $disk);
is("$status $answer->{kind}", '1 other_owner', 'and its space is not told');

($status, $answer) = provision('create', lv => $image, image_group => $disk, size => 30 * $mib + 1);
is($status, 0, 'create') or diag explain $answer;
is($answer->{size}, 32 * $mib, 'create: whole extents');
is($answer->{available_bytes}, $free - 32 * $mib, 'create: they are taken');
ok(-w "/dev/iscsi/$image", 'create: the volume is the server\'s user\'s');
like(as_root('lvs', '--noheadings', '-o', 'lv_tags', "iscsi/$image"), qr/IU_$disk.*PU_0{8}-.*vmclone_unfinished/, 'create: VDSM\'s tags, and ours');
($status, $answer) = provision('create', lv => $image, image_group => $disk, size => 40 * $mib);
is("$status $answer->{size}", '0 ' . 40 * $mib, 'create again goes on');
($status, $answer) = provision('create', lv => $disk, image_group => $disk, size => 1 << 50);
is("$status $answer->{kind}", '1 no_space', 'more than there is');
($status, $answer, my @volumes) = provision('list');
is("$status $answer->{vg}", '0 iscsi', 'list');
is_deeply(\@volumes, [ { lv => $image, size => 40 * $mib, image_group => $disk, unfinished => JSON::PP::true } ], 'list: the volume');

($status, $answer) = provision('commit', lv => $image, size => 10 * $mib);
is("$status $answer->{size}", '0 ' . 12 * $mib, 'commit: shrunk to what the image takes');
unlike(as_root('lvs', '--noheadings', '-o', 'lv_tags', "iscsi/$image"), qr/vmclone_unfinished/, 'commit: it is whole');
ok(!-e "/dev/iscsi/$image", 'commit: nobody has it open');
($status, $answer) = provision('create', lv => $image, image_group => $disk, size => $mib);
is("$status $answer->{committed}", '0 1', 'create of what is whole says so');
($status, $answer) = provision('create', lv => $image, image_group => $image, size => $mib);
is("$status $answer->{kind}", '1 exists', 'create of what is another disk\'s is refused');
($status, $answer) = provision('space', vg_uuid => 'abcdef-0000-1111-2222-3333-4444-abcdef');
is("$status $answer->{kind}", '1 refused', 'another group of that name is refused');
($status, $answer) = provision('activate', lvs => [$image]);
is($status, 0, 'activate');
ok(-r "/dev/iscsi/$image", 'activate: it can be read');
open(my $open, '<', "/dev/iscsi/$image") or die "cannot open the volume: $!";
($status, $answer) = provision('deactivate', lvs => [$image]);
ok($status == 0 && -e "/dev/iscsi/$image", 'deactivate leaves what is open');
close $open;
($status, $answer) = provision('deactivate', lvs => [$image]);
ok($status == 0 && !-e "/dev/iscsi/$image", 'deactivate');

($status, $answer) = provision('remove', lv => $image, image_group => $image);
is("$status $answer->{kind}", '1 refused', 'a volume of another disk is not removed');
($status, $answer) = provision('remove', lv => $image, image_group => $disk, wipe => JSON::PP::true, discard => JSON::PP::true);
is("$status $answer->{removed}", '0 1', 'remove');
is($answer->{available_bytes}, $free, 'remove: its extents are free');
($status, $answer) = provision('remove', lv => $image, image_group => $disk);
is("$status $answer->{removed}", '0 0', 'remove again');

# what a request may not say
foreach my $case ([ vg => '-rf' ], [ vg => '../x' ], [ vg => 'iscsi;id' ], [ lv => 'a/b' ], [ size => '1k' ], [ protocol => 2 ])
{
	($status, $answer) = provision('create', lv => $image, image_group => $disk, size => $mib, @$case);
	is("$status $answer->{kind}", '1 usage', "refused: $case->[0] $case->[1]");
}

# a group with VDSM's areas: slot, metadata text and lease lie where VDSM looks for them
as_root('lvcreate', '-q', '-y', '-Wy', '-n', $_, '-L', '128m', 'iscsi') foreach qw(metadata leases);
my @images = ($image, $disk);
foreach my $n (0, 1)
{
	($status, $answer) = provision('create', lv => $images[$n], image_group => $disk, size => $mib, metadata => "GEN=0\nEOF\n", domain_format => '5');
	is($status, 0, "with VDSM's areas: create $n") or diag explain $answer;
	like(as_root('lvs', '--noheadings', '-o', 'lv_tags', "iscsi/$images[$n]"), qr/MD_@{[ $n + 1 ]}\b/, "with VDSM's areas: slot @{[ $n + 1 ]}");
}
($status, $answer) = provision('commit', lv => $disk, metadata => "GEN=1\nEOF\n", domain_format => '5', lease => { alignment => $mib, record => '1020abcd' });
is($status, 0, "with VDSM's areas: commit") or diag explain $answer;
is(as_root('dd', 'if=/dev/iscsi/metadata', 'bs=1', 'skip=' . ($mib + 2 * 8192), 'count=9', 'status=none'), "GEN=1\nEOF", 'metadata of slot 2');
is(as_root('sh', '-c', "dd if=/dev/iscsi/leases bs=1 skip=\$((102 * $mib)) count=4 status=none | od -An -tx1"), ' 10 20 ab cd', 'lease of slot 2');
provision('remove', lv => $_, image_group => $disk) foreach @images;
is(as_root('sh', '-c', "dd if=/dev/iscsi/metadata bs=1 skip=$mib count=32768 status=none | tr -d '\\0' | wc -c"), '0', 'no metadata is left');
as_root('lvremove', '-q', '-f', "iscsi/$_") foreach qw(metadata leases);

($status, $answer) = provision('detach');
is($status, 0, 'detach');
is(as_root('vgs', '--noheadings', '-o', 'vg_tags', 'iscsi') =~ s/\s//gr, '', 'no tag of ours is left');
done_testing();
