# import_disks: users' own folders of images, under their own names, of which nothing is written.
use strict;
use warnings;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use VmcloneCluster;

plan skip_all => 'imports go into vmclone\'s own inventory' if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';

my $node = VmcloneCluster->start_new('folder', fixture => 0, conf => "vmclone.retry_delay = '100ms'\n");
my $folder = $node->storage_root . '/vms';
my $cell = 0;

# A qcow2 overlay, or an image without backing file, with 64 KiB of its own
sub image
{
	my ($name, $backing, $format) = @_;
	my $path = "$folder/$name";

	system_or_die('qemu-img', 'create', '-q', '-f', 'qcow2', defined $backing ? ('-b', $backing, '-F', $format // 'qcow2') : (), $path,
		defined $backing ? () : '16M');
	write_image($name);
	return;
}

sub write_image
{
	my ($name, $format) = @_;

	system_or_die('qemu-io', '-f', $format // 'qcow2', '-c', sprintf('write -q -P 0x%02x %dk 64k', 0x41 + $cell, 96 * $cell), "$folder/$name");
	$cell++;
	return;
}

sub system_or_die
{
	system(@_) == 0 or die "@_ failed";
	return;
}

# Contents, names and times of everything that is not ours
sub fingerprint
{
	return join "\n", map { my @s = stat; "$_ $s[1] $s[7] $s[9] $s[10] " . unpack('%32C*', slurp_file($_)) }
	  sort grep { -f } glob("$folder/* $folder/*/*");
}

sub import_error
{
	my (@files) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "CALL vmclone.import_disks('web01', '$folder', " . join(', ', map { "'$_'" } @files) . ')');

	return $err;
}

sub same_as
{
	my ($path, $source, $what) = @_;
	my ($format) = $path =~ /\.(raw|qcow2)$/;
	my $told = `qemu-img compare -U -f $format -F qcow2 '$path' '$source' 2>&1`;

	ok($? == 0, $what) or diag $told;
	return;
}

make_path("$folder/base");
open my $raw, '>', "$folder/base/base.img" or die "open: $!";
truncate $raw, 16 << 20 or die "truncate: $!";
close $raw;
write_image('base/base.img', 'raw');
image('sys.qcow2', 'base/base.img', 'raw');
image('sys.before', "$folder/sys.qcow2");
image('sys.after', 'sys.before');
image('data one.qcow2');
my $before = fingerprint();

like(import_error('sys.after'), qr/format of image "sys\.after" is not clear.*Formats are never guessed.*'qcow2:sys\.after'/s, 'no format is guessed');
like(import_error('none.qcow2'), qr/could not read the chain of image "none\.qcow2".*No such file|ENOENT/s, 'a file that is not there');
like(import_error('../x.qcow2'), qr/outside/, 'nor one outside of the directory');

my ($code, $out, $err) =
  $node->psql('postgres', "CALL vmclone.import_disks('web01', '$folder/', 'qcow2:sys.after', 'data one.qcow2')");
is($code, 0, 'imported') or diag $err;
like($err, qr/virtual machine "web01" \([-0-9a-f]+\) is imported: disks 2, snapshots 3/, 'and says what');
is(fingerprint(), $before, 'the files are what they were');
is_deeply([ map { $_->{description} } $node->rows(<<'SQL') ], [ 'before', 'after', 'state kept in base/base.img' ], 'snapshots have their names');
SELECT description FROM vmclone.snapshots WHERE snapshot_type = 'REGULAR' ORDER BY description LIKE 'state%', description = 'after'
SQL
is($node->value("SELECT string_agg(disk_alias || ' ' || chain_depth, ', ' ORDER BY disk_alias) FROM vmclone.snapshots s,
	vmclone.snapshot_disks(s.snapshot_id) WHERE s.description = 'after'"), 'vda 3', 'the chain of the second snapshot');
my ($after) = map { $_->{snapshot_id} } $node->rows("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'after'");
is(join(', ', map { $_->{message} } $node->rows("SELECT message FROM vmclone.can_add_vm_from_snapshot('$after', 'web02') WHERE severity = 'ERROR'")),
	'', 'it can be cloned');

my $job = $node->clone($after, vm_name => 'web02', copies => 1);
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone') or diag $node->value("SELECT reason FROM vmclone.jobs");
my $clone = "$folder/web02-vda.raw";
ok(-f $clone, 'has a readable name') or diag join ' ', glob "$folder/*";
same_as($clone, "$folder/sys.before", 'and the contents of the chain');
{
	my ($page, $said) = ('', '');
	local @ENV{qw(PGHOST PGPORT PGDATABASE VMCLONE_COPY)} = ($node->host, $node->port, 'postgres', $node->value('SHOW vmclone.copy_program'));
	IPC::Run::run([ "$ENV{VMCLONE_INSTALLED}" . VmcloneCluster::pg_config('--bindir') . '/vmclone', 'report', 'web02' ], '<', \undef, '>', \$page, '2>', \$said);
	like($page, qr{<g data-layer="2"><title>\Q$folder\E/sys\.before</title>.*<title>\Q$folder\E/sys\.qcow2</title>.*<title>\Q$folder\E/base/base\.img</title>}s, "vmclone report draws the users' own files") or diag "$said $page";
}
unlink $clone or die "unlink: $!";
is(fingerprint(), $before, 'beside it all is as it was');

# again, with a new snapshot and another one committed
my $ids = $node->value("SELECT string_agg(image_guid::text, ' ' ORDER BY image_guid) FROM vmclone.images");
$node->safe_psql('postgres', "CALL vmclone.import_disks('web01', '$folder', 'qcow2:sys.after', 'data one.qcow2')");
is($node->value("SELECT string_agg(image_guid::text, ' ' ORDER BY image_guid) FROM vmclone.images"), $ids, 'imported again, the same rows');
image('sys.third', 'sys.after');
image('data one.third', 'data one.qcow2');
$node->safe_psql('postgres', "CALL vmclone.import_disks('web01', '$folder', 'qcow2:sys.third', 'qcow2:data one.third')");
my ($third) = map { $_->{snapshot_id} } $node->rows("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'third'");
is($node->value("SELECT count(*) FROM vmclone.snapshot_disks('$third')"), 2, 'a snapshot of both disks');
is($node->value("SELECT count(*) FROM vmclone.snapshots WHERE snapshot_id = '$after' AND description = 'after'"), 1, 'the earlier one is there');

{
	my ($listed, $said) = ('', '');
	local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, 'postgres');
	my @vmclone = "$ENV{VMCLONE_INSTALLED}" . VmcloneCluster::pg_config('--bindir') . '/vmclone';
	IPC::Run::run([ @vmclone, '--json', 'import', 'web01', $folder, 'qcow2:sys.third', 'qcow2:data one.third' ], '<', \undef, '>', \$listed, '2>', \$said);
	is($? >> 8, 0, 'vmclone import NAME DIRECTORY IMAGE') or diag $said;
	is(scalar(grep { $_->{snapshot_id} eq $third && $_->{snapshot} eq 'third' } @{ JSON::PP::decode_json($listed) }), 1, 'shows its snapshots') or diag $listed;
	IPC::Run::run([ @vmclone, 'import', 'web01', $folder, 'sys.third' ], '<', \undef, '>', \$listed, '2>', \$said);
	is($? >> 8, 1, 'refused: exit code');
	like($said, qr/^ERROR: .*sys\.third" is not clear.*^HINT: .*qcow2:sys\.third/ms, "the server's words");
	IPC::Run::run([ @vmclone, 'import', 'web01', $folder, 'qcow2:sys.third', '--name', 'x' ], '<', \undef, '>', \$listed, '2>', \$said);
	is($? >> 8, 2, '--name is for libvirt');
}

# several copies, one in another format, and a name that is taken
open my $taken, '>', "$folder/b1-vdb.raw" or die "open: $!";
print $taken "somebody's\n";
close $taken;
my $vdb = $node->value("SELECT disk_id FROM vmclone.base_disks WHERE disk_alias = 'vdb'");
my @jobs = $node->rows("SELECT job_id, vm_name FROM vmclone.add_vm_from_snapshot('$third', 'b{n}', copies => 2,
	disks => '[{\"disk_id\": \"$vdb\", \"volume_format\": \"RAW\", \"volume_type\": \"Sparse\"}]')");
is(join(' ', map { $node->wait_for_job($_->{job_id}) } @jobs), 'failed succeeded', 'a file of that name fails the job of its copy');
like($node->value("SELECT reason FROM vmclone.jobs WHERE vm_name = 'b1'"), qr/b1-vdb\.raw.*there already|there already/, 'which says so');
is(slurp_file("$folder/b1-vdb.raw"), "somebody's\n", 'and is what it was');
is_deeply([ grep { m{/b1-} } glob "$folder/*" ], ["$folder/b1-vdb.raw"], 'the other disk of that copy is gone');
is($node->value("SELECT count(*) FROM vmclone.image_files WHERE file_name LIKE 'b1-%'"), 0, 'with its name');
same_as("$folder/b2-vda.raw", "$folder/sys.after", 'the other copy is whole');
system_or_die("qemu-img compare -q -f raw -F qcow2 '$folder/b2-vdb.raw' '$folder/data one.qcow2'");

# a cancelled clone leaves nothing
system_or_die('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 0x60 4M 12M', "$folder/sys.after");
my $cancelled = $node->clone($third, vm_name => 'gone', bandwidth_limit => 1_000_000);
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$cancelled->{job_id}'") or die;
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$cancelled->{job_id}')");
is($node->wait_for_job($cancelled->{job_id}), 'cancelled', 'cancelled');
is_deeply([ glob "$folder/gone* $folder/.vmclone/images/*/*.part*" ], [], 'nothing of it is left');

# what is refused
system_or_die('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', '/etc/hostname', '-F', 'raw', '-u', "$folder/outside.qcow2", '1M');
like(import_error('outside.qcow2'), qr{lies outside of}, 'a backing file elsewhere is not opened');
image('unsaid.qcow2', 'data one.qcow2');
# old programs leave the format out: the header's extension becomes one that nobody knows
my $header = slurp_file("$folder/unsaid.qcow2");
my $at = index $header, pack('N', 0xe2792aca);
die 'no format in the header' if $at < 0;
open my $patch, '+<', "$folder/unsaid.qcow2" or die "open: $!";
seek $patch, $at, 0;
print $patch pack('N', 0x11223344);
close $patch;
like(import_error('unsaid.qcow2'), qr/does not say the format/, 'nor one of an unknown format');
system_or_die('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'round.qcow2', '-F', 'qcow2', '-u', "$folder/round.qcow2", '16M');
like(import_error('round.qcow2'), qr/its own backing file/, 'nor a circle');
symlink 'sys.qcow2', "$folder/link.qcow2" or die "symlink: $!";
like(import_error('link.qcow2'), qr/symbolic link/, 'nor a link');
# as libvirt 12 leaves overlays, for others than their owner
system_or_die('cp', "$folder/unsaid.qcow2", "$folder/closed.qcow2");
chmod 0, "$folder/closed.qcow2";
like(import_error('closed.qcow2'), qr/EACCES.*^HINT:  Give the server's user access \(chmod, chown or/ms, 'one that the server may not read is told how it may');
like(import_error('sys.qcow2', 'sys.qcow2'), qr/same file/, 'nor one file as two disks');
system_or_die('qemu-img', 'snapshot', '-c', 'inside', "$folder/data one.third");
like(import_error('qcow2:sys.third', 'qcow2:data one.third'), qr/WARNING:  internal snapshots of image "data one\.third" are left out: 1/, 'internal snapshots are told');
$node->safe_psql('postgres', 'CREATE ROLE somebody; GRANT USAGE ON SCHEMA vmclone TO somebody');
($code, $out, $err) = $node->psql('postgres', "SET ROLE somebody; CALL vmclone.import_disks('x', '$folder', 'sys.qcow2')");
like($err, qr/permission denied/, 'not for everybody');
($code, $out, $err) = $node->psql('postgres', "CALL vmclone.import_disks('x', '/etc', 'x.qcow2')");
like($err, qr{vmclone\.storage_roots}, 'nor outside of the storage roots');
$node->stop;
done_testing();
